/** Writes schema/config.json, which editors complete a config by, from src/config.ts: `npm run schema`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { configSchema } from '../src/config.ts';

export const SCHEMA = new URL('../schema/config.json', import.meta.url);

export const schemaText = (): string => `${JSON.stringify(configSchema(), null, 2)}\n`;

if (import.meta.main) {
  mkdirSync(new URL('.', SCHEMA), { recursive: true });
  writeFileSync(SCHEMA, schemaText());
}
