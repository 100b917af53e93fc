import { InvalidArgumentError, Option } from 'commander';
import { DEVICES } from '../engine/device.ts';
import { QUANTIZATIONS } from '../engine/quantization.ts';

export function deviceOption(): Option {
  const text = 'what the model runs on; `evalplanner doctor` says which of them work here';
  return new Option('--device <device>', text).choices(DEVICES).default('cpu');
}

export function quantizationOption(): Option {
  const text =
    'sample from a checkpoint in 8-bit integers: faster for wide models, and not quite the same texts';
  return new Option('--quantization <type>', text).choices(QUANTIZATIONS);
}

/** How a judge is asked, where that is not what it says of itself. */
export function formOption(): Option {
  const text =
    'two-call: a plan, then its execution, for any model; planned: the whole thought in one call, of a judge trained to it; unplanned, direct: the controls (default: what its evalplanner.json says, else two-call)';
  return new Option('--form <form>', text).choices(['planned', 'two-call', 'unplanned', 'direct']);
}

export function promptsOption(): Option {
  const text = 'in which words it is asked (default: what its evalplanner.json says, else published)';
  return new Option('--prompts <set>', text).choices(['playground', 'published']);
}

/** What becomes of rows that cannot be read. */
export function onErrorOption(row = 'a row that cannot be read'): Option {
  return new Option('--on-error <what>', `${row} ends the command, or is reported and left out`)
    .choices(['stop', 'skip'])
    .default('stop');
}

/** Parsers of option values: commander turns what they throw into a usage error. */
export function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It has to be a whole number, 0 or more.');
  }
  return value;
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It has to be a number from 0 to 1.');
  return value;
}

export function temperature(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 10))
    throw new InvalidArgumentError('It has to be a number from 0 to 10.');
  return value;
}

export function port(text: string): number {
  const value = whole(text);
  if (value > 65535) throw new InvalidArgumentError('It has to be 65535 or less.');
  return value;
}

export function positive(text: string): number {
  const value = whole(text);
  if (value === 0) throw new InvalidArgumentError('It has to be 1 or more.');
  return value;
}

export function amount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('It has to be a number above 0.');
  }
  return value;
}

export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It has to be a number, 0 or more.');
  return value;
}
