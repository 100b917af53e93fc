import { z } from 'zod';

export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'has to be letters, digits, dots, dashes and underscores');
export const count = z.int().nonnegative();
export const whole = z.int().positive();
export const share = z.number().min(0).max(1);
export const places = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** Of an object of one's own, which a file cannot hold. */
export function has(value: unknown, field: string, type: 'string' | 'function' | 'object'): value is object {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[field] === type
  );
}
