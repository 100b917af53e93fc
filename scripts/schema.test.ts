import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SCHEMA, schemaText } from './schema.ts';

test('schema/config.json is what src/config.ts takes; npm run schema writes it', () => {
  expect(readFileSync(SCHEMA, 'utf8')).toBe(schemaText());
});
