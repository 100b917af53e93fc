import { statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { checkDevice, type Device } from '../../engine/device.ts';
import { Graph } from '../../engine/graph.ts';
import { revision } from '../../engine/llama/checkpoint.ts';
import { openCheckpoint } from '../../model/local/checkpoint.ts';
import { readHeldOut, runtimeCommand, SEED_FOLDER } from '../../package.ts';
import { whole } from '../../report/format.ts';
import { tableOptions } from '../../report/run/table.ts';
import { openStore } from '../../store/ledger.ts';
import { print, printable } from '../terminal.ts';
import { attempt, type Check } from './check.ts';

const GB = 2 ** 30;

export interface DoctorCommand {
  readonly json?: boolean;
  readonly out?: string;
  readonly trainers?: boolean;
}

/** `evalplanner doctor`: exit code 3 when a check failed, 2 when it is one of the config's. */
export async function doctor(
  config: string | undefined,
  { json, out, trainers }: DoctorCommand,
): Promise<void> {
  // A config's models may need the engine; what is here is told without it.
  const own = config === undefined ? [] : await (await import('./config.ts')).configChecks(config, out);
  const checks: Check[] = [
    node(),
    ...(await engine()),
    cores(),
    memory(),
    await attempt('disk', disk, 'go to a folder that this user can read'),
    await attempt('sqlite', sqlite, 'use an official build of Node'),
    await attempt('seed model', seedModel, 'install the package again, or in a checkout: git checkout seed'),
    await attempt('held-out', heldOut, 'install the package again, or in a checkout: git checkout seed'),
    terminal(),
  ];
  if (trainers) checks.push(await attempt('trainers', () => timed(config), 'look at what the trainer says'));
  const bad = (list: readonly Check[]) => list.some(({ status }) => status === 'fail');
  if (bad(checks)) process.exitCode = 3;
  else if (bad(own)) process.exitCode = 2;
  const all = [...checks, ...own];
  await print(json ? `${JSON.stringify({ checks: all }, null, 2)}\n` : all.map(line).join(''));
}

async function timed(path: string | undefined): Promise<Check> {
  const { trainersCheck } = await import('./trainers.ts');
  if (path === undefined) return trainersCheck(undefined);
  const [{ readConfig }, { resolveConfig }] = await Promise.all([
    import('../../open/config.ts'),
    import('../../config.ts'),
  ]);
  return trainersCheck(resolveConfig((await readConfig(path)).config));
}

function node(): Check {
  const { node: installed } = process.versions;
  const detail = `Node ${installed} on ${process.platform} ${process.arch}`;
  return { name: 'node', status: 'ok', detail };
}

/** The built-in engine, which judging by a server and data do without. */
async function engine(): Promise<Check[]> {
  const works = await attempt('runtime', runtime, runtimeCommand());
  // What is only not installed is missed by nobody who has not asked for it.
  if (works.status !== 'ok') return [{ ...works, status: isInstalled() ? 'fail' : 'none' }];
  const devices = await Promise.all([device('webgpu'), device('cuda')]);
  return [works, ...devices, await attempt('int8', int8, 'leave out --quantization')];
}

function isInstalled(): boolean {
  try {
    import.meta.resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
}

/** Loads ONNX Runtime and adds two numbers with it. */
async function runtime(): Promise<Check> {
  const { env } = await import('../../engine/runtime.ts');
  const { loadGraph, tensor } = await import('../../engine/session.ts');
  const graph = new Graph();
  const x = graph.input('x', [1]);
  graph.output('y', graph.node('Add', [x, x], [1]));
  const session = await loadGraph(graph.encode(), 1);
  const { y } = await session.run({ x: tensor('float32', Float32Array.of(1.5), [1]) });
  await session.release();
  if (y?.data[0] !== 3) throw new Error(`ONNX Runtime adds 1.5 and 1.5 to ${y?.data[0]}`);
  return {
    name: 'runtime',
    status: 'ok',
    detail: `ONNX Runtime ${env.versions.node ?? 'of an unknown version'} on the CPU`,
  };
}

/** What --device takes beside the CPU, tried on the engine's own graphs. */
async function device(name: Exclude<Device, 'cpu'>): Promise<Check> {
  const report = await checkDevice(name);
  if (report.state === 'missing') return { name, status: 'none', detail: report.reason, fix: report.remedy };
  const { sampling, training } = report;
  if (sampling && training) return { name, status: 'ok', detail: `samples and trains with --device ${name}` };
  const wrong = [sampling ? '' : 'sampling', training ? '' : 'training'].filter(Boolean).join(' and ');
  const detail = `runs, but gives other numbers than the CPU in ${wrong}, and is refused for that`;
  return { name, status: 'warn', detail, fix: 'use --device cpu; a newer driver may help' };
}

async function int8(): Promise<Check> {
  const { addsInt8 } = await import('../../engine/quantization-check.ts');
  if (await addsInt8()) return { name: 'int8', status: 'ok', detail: 'samples with --quantization int8' };
  const detail = 'this processor has no VNNI or dot product instructions: --quantization int8 is refused';
  return { name: 'int8', status: 'none', detail, fix: 'leave out --quantization' };
}

function cores(): Check {
  const count = availableParallelism();
  const check = { name: 'cores', detail: `${count}` };
  return count >= 2 ? { ...check, status: 'ok' } : { ...check, status: 'warn', fix: 'expect half the speed' };
}

function memory(): Check {
  // A container's limit where there is one; 0 or a huge number where there is none.
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const free = Math.min(freemem(), process.availableMemory());
  const check = {
    name: 'memory',
    detail: `${(total / GB).toFixed(1)} GB, ${(free / GB).toFixed(1)} GB free`,
  };
  return free >= 1.5 * GB
    ? { ...check, status: 'ok' }
    : { ...check, status: 'warn', fix: 'a run takes about 1 GB; close something' };
}

function disk(): Check {
  const { bavail, bsize } = statfsSync('.');
  const free = bavail * bsize;
  const check = { name: 'disk', detail: `${(free / GB).toFixed(1)} GB free in ${process.cwd()}` };
  return free >= GB / 2
    ? { ...check, status: 'ok' }
    : {
        ...check,
        status: 'warn',
        fix: 'a run takes up to 0.5 GB; free some space, or choose another disk with --out',
      };
}

function sqlite(): Check {
  using store = openStore(':memory:', { config: {} });
  store.finishStage('doctor');
  return { name: 'sqlite', status: 'ok', detail: 'the run ledger opens' };
}

async function seedModel(): Promise<Check> {
  const { parameters } = await openCheckpoint(join(SEED_FOLDER, 'model'));
  const detail = `revision ${revision(parameters)}, ${whole(parameters.flat.length)} parameters`;
  return { name: 'seed model', status: 'ok', detail };
}

function heldOut(): Check {
  const lines = (split: 'dev' | 'test') => readHeldOut(split).split('\n').filter(Boolean).length;
  return { name: 'held-out', status: 'ok', detail: `${lines('dev')} dev pairs, ${lines('test')} test pairs` };
}

function terminal(): Check {
  const { columns, colour } = tableOptions(process.stdout);
  const detail = process.stdout.isTTY
    ? `${columns} columns, ${colour ? 'colour' : 'no colour (NO_COLOR)'}`
    : 'stdout is no terminal: plain text, no colour';
  return columns < 60
    ? { name: 'terminal', status: 'warn', detail, fix: 'tables are stacked; widen it to 80 columns' }
    : { name: 'terminal', status: 'ok', detail };
}

function line({ name, status, detail, fix }: Check): string {
  const { colour } = tableOptions(process.stdout);
  const style = { ok: 'green', warn: 'yellow', fail: 'red', none: 'dim' } as const;
  const mark = status.padEnd(4);
  const painted = colour ? styleText(style[status], mark, { validateStream: false }) : mark;
  const rest = fix === undefined ? '' : `\n                 ${printable(fix)}`;
  return `${painted}  ${name.padEnd(10)} ${printable(detail)}${rest}\n`;
}
