import { Command, type CommanderError } from 'commander';
import { EvalPlannerError, EXIT_CODE } from '../errors.ts';
import { engineFailure } from '../model/local/engine-failure.ts';
import { MODEL_NAMES } from '../open/names.ts';
import { version } from '../package.ts';
import { auditCommand } from './audit/command.ts';
import { benchCommand } from './bench/command.ts';
import { demoCommand } from './demo/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { showDownloads } from './download-line.ts';
import { exportCommand } from './export/command.ts';
import { explain } from './failure.ts';
import { initCommand } from './init/command.ts';
import { judgeCommand } from './judge/command.ts';
import { modelsCommand } from './models/command.ts';
import { pairsCommand } from './pairs/command.ts';
import { runCommand } from './run/command.ts';
import { serveCommand } from './serve/command.ts';
import { isGone } from './terminal.ts';
import { trainCommand } from './train/command.ts';
import { upCommand } from './up/command.ts';

/** The command line. Commands are loaded when they are called, so that `--help` and wrong arguments answer at once. */
function program(): Command {
  const evalplanner = new Command('evalplanner')
    .description('Train and run LLM judges that plan before they judge (arXiv 2501.18099).')
    .version(version(), '-V, --version')
    .option('--debug', 'print the stack and the cause of an error')
    .showHelpAfterError(false)
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner demo                      train a judge on this machine, from M0 to M2-DPO, and measure every stage
  $ evalplanner judge --model playground --instruction "Count down from 9 to 5." --a "9 8 7 6 5" --b "9 8 7 6"
  $ evalplanner pairs DATA --model MODEL --out pairs.jsonl
  $ evalplanner audit pairs.jsonl         what they would teach besides judging
  $ evalplanner serve MODEL               any checkpoint as an OpenAI-style HTTP server on this machine
  $ evalplanner bench playground --model runs/demo-quick-0/checkpoints/M2-DPO
  $ evalplanner doctor                    what works here, and what to do about the rest

A MODEL is ${MODEL_NAMES}.

Exit codes: 0 done, 1 a quality gate failed, 2 usage or config, 3 infrastructure, 130 stopped by Ctrl-C.
Progress goes to stderr, results to stdout.`,
    );

  for (const add of [
    demoCommand,
    initCommand,
    runCommand,
    trainCommand,
    judgeCommand,
    pairsCommand,
    auditCommand,
    exportCommand,
    benchCommand,
    serveCommand,
    upCommand,
    modelsCommand,
    doctorCommand,
  ])
    add(evalplanner);

  for (const command of tree(evalplanner)) {
    // Errors are printed by explain(), in the same two lines as every other.
    command.configureOutput({ outputError: () => {} }).exitOverride((error) => {
      throw new Ended(nameOf(command), error);
    });
    if (command !== evalplanner) command.option('--debug', 'print the stack and the cause of an error');
  }
  return evalplanner;
}

/** Commander is done, and with which command. */
class Ended extends Error {
  readonly command: string;
  readonly reason: CommanderError;

  constructor(command: string, reason: CommanderError) {
    super(reason.message);
    this.command = command;
    this.reason = reason;
  }
}

/** `evalplanner bench compare`. */
function nameOf(command: Command): string {
  return `${command.parent === null ? '' : `${nameOf(command.parent)} `}${command.name()}`;
}

function tree(command: Command): Command[] {
  return [command, ...command.commands.flatMap(tree)];
}

/** Commander's complaints as ours; null for --help and --version, which it ends by an exception too. */
function usageError({ command, reason }: Ended): EvalPlannerError | null {
  if (reason.exitCode === 0) return null;
  const what = reason.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  if (reason.code === 'commander.help') {
    return new EvalPlannerError(
      'usage',
      'no command was given',
      'choose one of those above, e.g. `evalplanner demo`',
    );
  }
  return new EvalPlannerError('usage', what, `see \`${command} --help\``);
}

/** Run the command line; answers the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await showDownloads(() => program().parseAsync([...args], { from: 'user' }));
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (isGone(error)) return 0;
    const failure = error instanceof Ended ? usageError(error) : engineFailure(error);
    if (failure === null) return 0;
    process.stderr.write(explain(failure, { debug: args.includes('--debug') }));
    return failure instanceof EvalPlannerError ? EXIT_CODE[failure.code] : EXIT_CODE.internal;
  }
}
