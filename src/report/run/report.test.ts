import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, significant } from '../format.ts';
import { embedJson, html } from '../html.ts';
import { headline } from './headline.ts';
import { HOSTILE, madeUpReport } from './made-up.contract.ts';
import { renderReport } from './page.ts';
import type { Report, Sample } from './report.ts';

const report = madeUpReport(60);
const page = renderReport(report);

/** The embedded samples, as a browser finds them: the script ends at the first `</script`. */
function embedded(text: string): unknown {
  const start = text.indexOf('id="samples">') + 'id="samples">'.length;
  return JSON.parse(text.slice(start, text.indexOf('</script', start)));
}

/** The page without the samples: what they say is text, everything around them is ours. */
function around(text: string): string {
  return text.replace(/(id="samples">).*(?=<\/script>)/, '$1');
}

/** Every string of the value, replaced. */
function poisoned<T>(value: T, poison: string): T {
  const json = JSON.stringify(value, (_, part) => (typeof part === 'string' ? poison + part : part));
  return JSON.parse(json) as T;
}

describe('hostile strings', () => {
  test('samples come back from the page exactly as they were', () => {
    expect(embedded(page)).toEqual(report.samples);
  });

  test.each(HOSTILE)('%j appears nowhere unescaped, wherever it stands in the report', (poison) => {
    const { stages, samples, curves, ...words } = report;
    const text = renderReport({
      ...poisoned(words, poison),
      stages: stages.map(({ name, control, sets }) => ({
        name: poison + name,
        control,
        sets: Object.fromEntries(Object.entries(sets).map(([source, own]) => [poison + source, own])),
      })),
      curves: curves.map((curve) => ({ ...curve, stage: poison + curve.stage })),
      samples: poisoned(samples, poison),
    });
    expect(text.match(/<table class="scores">/g)).toHaveLength(2);
    expect(around(text)).not.toContain(poison);
    expect(/id="samples">(.*)<\/script>/.exec(text)?.[1]).toMatch(/^[^<>&\u2028\u2029]+$/);
    // Two scripts of ours, and no tag or handler that the clean page does not have.
    expect(text.match(/<script/gi)).toHaveLength(2);
    expect(text.match(/<\/script/gi)).toHaveLength(2);
    expect(text).not.toMatch(/<img|<svg onload|<!--|"[^"<>]*"onload/i);
    expect(tags(text)).toEqual(tags(renderReport(report)));
    expect(embedded(text)).toEqual(poisoned(samples, poison));
  });

  /** The tags and the names of their attributes, in order; options list each distinct value, so they are left out. */
  function tags(text: string): string[] {
    return [...text.matchAll(/<([a-z!/][^\s>]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/gi)]
      .map(([, name, attributes]) => `${name} ${attributes?.replace(/="[^"]*"/g, '')}`)
      .filter((tag) => !tag.includes('option'));
  }

  test('any text survives html and embedJson', () => {
    const decode: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = html`${text}`.text;
        expect(escaped).not.toMatch(/[<>"']/);
        expect(escaped.replace(/&([^;]+);/g, (_, name: string) => decode[name] ?? '?')).toBe(
          text.toWellFormed(),
        );
        const json = embedJson({ text }).text;
        expect(json).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
  });
});

describe('the page', () => {
  test('is a function of the report', () => {
    expect(renderReport(madeUpReport(60))).toBe(page);
  });

  test('loads nothing, and its policy admits its own style and script only', () => {
    expect(around(page)).not.toMatch(
      /https?:|\bsrc=|\bhref=|@import|url\(|fetch\(|XMLHttpRequest| style="| on[a-z]+=/,
    );
    const policy = (/Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '').replaceAll(
      '&#39;',
      "'",
    );
    expect(policy).toContain("default-src 'none'");
    for (const tag of ['style', 'script']) {
      const start = page.indexOf(`<${tag}>`);
      const body = page.slice(start + tag.length + 2, page.indexOf(`</${tag}>`, start));
      expect(policy).toContain(`${tag}-src 'sha256-${createHash('sha256').update(body).digest('base64')}'`);
    }
  });

  test('says the outcome first', () => {
    const text = (html: string) => html.replace(/<[^>]+>/g, '');
    const h1 = (of: Report) => text(/<h1>([\s\S]*?)<\/h1>/.exec(renderReport(of))?.[1] ?? '');
    const [stage] = report.stages as [Report['stages'][number]];
    const own = stage.sets.general as NonNullable<(typeof stage.sets)[string]>;
    const at = (name: string, ...accuracies: number[]) => ({
      name,
      control: name === 'direct',
      sets: Object.fromEntries(accuracies.map((accuracy, i) => [`${i + 1}st`, { ...own, accuracy }])),
    });
    const of = (...stages: Report['stages']) =>
      h1({ ...report, stages, sources: Object.keys(stages[0]?.sets ?? {}) });
    expect(of(at('M0', 0.6, 0.5), at('own', 0.9, 0.75), at('direct', 0, 0))).toBe(
      'From M0 to own, accuracy rose from 60.0% to 90.0% on 1st and from 50.0% to 75.0% on 2st.',
    );
    expect(of(at('M0', 0.6, 0.5), at('own', 0.9, 0.4))).toContain('and fell from 50.0% to 40.0% on 2st.');
    expect(of(at('M0', 0.6, 0.5), at('own', 0.6, 0.4))).toContain('accuracy stayed at 60.0% on 1st');
    expect(of(at('M0', 0.6), at('own', 0.7))).toBe(
      'From M0 to own, accuracy rose from 60.0% to 70.0% on 1st.',
    );
    expect(of(at('M0', 0.6, 0.5, 0.4), at('own', 0.6, 0.6, 0.5))).toBe(
      'From M0 to own, accuracy stayed at 60.0% on 1st, rose from 50.0% to 60.0% on 2st and from 40.0% to 50.0% on 3st.',
    );
    expect(of(at('M0', 0.6, 0.5))).toBe('M0 has an accuracy of 60.0% on 1st and 50.0% on 2st.');
    expect(of(at('M0', 0.6, 0.5, 0.7, 0.8))).toBe('M0 has an accuracy of 50.0% to 80.0% on 4 sources.');
    expect(of(at('M0', 0.6, 0.5, 0.7, 0.8), at('own', 0.7, 0.4, 0.7, 0.9))).toBe(
      'From M0 to own, accuracy rose on 2 of 4 sources, fell on 1 and stayed on 1.',
    );
    expect(of(at('M0', 0, 0, 0, 0), at('own', 1, 1, 1, 1))).toContain('accuracy rose on all 4 sources.');
    expect(of()).toBe('This run has no scores yet.');
    expect(headline({ ...report, stages: [] })).toBeNull();
  });

  test('every source has its chart, its table and its colour, however many there are', () => {
    const sources = ['wiki', 'code', 'math', 'law', 'chat', 'poems', 'maps'];
    const many = renderReport(madeUpReport(20, sources));
    for (const [i, source] of sources.entries()) {
      expect(many).toContain(`<figcaption>${source}, %</figcaption><svg class="chart source-${i % 6}"`);
      expect(many).toContain(`<caption class="source-${i % 6}">${source}: 20 pairs`);
      expect(many).toContain(`<option value="${source}">${source}</option>`);
      expect(many).toContain(`On ${source}, M2-DPO alone`);
    }
    expect(many).toContain('.source-5 {');
    expect(many.replace(/<script>[\s\S]*/, '')).not.toMatch(/undefined|NaN/);
  });

  test('a name that is too long for a chart is cut there, and told whole in the table', () => {
    const name = 'judge-'.repeat(10);
    const [first, ...rest] = report.stages as [Report['stages'][number]];
    const text = renderReport({ ...report, stages: [{ ...first, name }, ...rest] });
    expect(text).toContain('>judge-judge-judge-…</text>');
    expect(text).toContain(`<th scope="row">${name}</th>`);
  });

  test('an unfinished or diverged run still has its page', () => {
    const empty: Report = {
      ...report,
      sources: [],
      stages: [],
      comparisons: [],
      timings: [],
      curves: [],
      samples: [],
      counts: {
        ...report.counts,
        pairs: {},
        plans: {},
        thoughts: {},
        preferences: {},
        steps: {},
        evaluations: {},
      },
    };
    const { habits: _, ...bare } = empty;
    expect(renderReport(bare)).not.toMatch(/undefined|NaN|<script/);
    const [step] = report.curves[0]?.steps ?? [];
    const nan = [1, 2, 3].map((n) => ({
      ...(step as NonNullable<typeof step>),
      step: n,
      loss: n === 2 ? Number.NaN : n,
    }));
    const diverged = renderReport({ ...report, curves: [{ stage: 'x', kind: 'sft', steps: nan }] });
    expect(diverged.match(/<circle class="line-0"/g)).toHaveLength(2); // the line breaks at the gap
    const lost = renderReport({
      ...report,
      curves: [{ stage: 'x', kind: 'sft', steps: nan.map((s) => ({ ...s, loss: Number.NaN })) }],
    });
    expect(lost).toContain('Loss: no figures.');
    const stage = { ...report, curves: [{ stage: 'x', kind: 'sft' as const, steps: nan.slice(0, 1) }] };
    expect(renderReport(stage)).not.toContain('NaN');
  });

  test('report.json reads back as the same report', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect((report.samples[0] as Sample).stage).toBe('M0');
  });
});

test('formats', () => {
  expect([0.04, 12.3, 59.6, 754, 3599.6, 7384].map(duration)).toEqual([
    '0.0 s',
    '12 s',
    '1 min 0 s',
    '12 min 34 s',
    '1 h 0 min',
    '2 h 3 min',
  ]);
  expect([0, 0.692512, -12.345, 1e-7, 1234.5, Number.NaN].map(significant)).toEqual([
    '0',
    '0.693',
    '−12.3',
    '1.0e−7',
    '1230',
    'NaN',
  ]);
});
