import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { csvRows } from './csv.ts';

async function read(text: string | Uint8Array, format: 'csv' | 'tsv' = 'csv') {
  const bad: string[] = [];
  const rows: unknown[] = [];
  const stream = Readable.from([Buffer.from(text as string)], { objectMode: false });
  for await (const { value } of csvRows(stream, 'x', 'x', format, (at, what) => bad.push(`${at} ${what}`)))
    rows.push(Object.values(value as object));
  return { rows, bad };
}

describe('CSV', () => {
  // What Python 3's csv.reader gives of the same lines.
  it.each([
    ['27" monitor,x', ['27" monitor', 'x']],
    ['a 27" monitor,"x, y"', ['a 27" monitor', 'x, y']],
    ['"PUSH" is what it says,B', ['PUSH is what it says', 'B']],
    ['It says "PUSH","a ""b"""', ['It says "PUSH"', 'a "b"']],
    ['"a""",b', ['a"', 'b']],
    ['"a"b"c,d', ['ab"c', 'd']],
    [' "a",b', [' "a"', 'b']],
    ['"",""', ['', '']],
    ['"""",x', ['"', 'x']],
  ])('%s', async (line, cells) => {
    expect(await read(`h,i\n${line}\nlast,row\n`)).toEqual({ rows: [cells, ['last', 'row']], bad: [] });
  });

  it('keeps line ends within quotes as they are, and counts rows and lines', async () => {
    const { rows, bad } = await read('h,i\r\n"a\r\n\r\nb",c\r\n1\r\nd,e');
    expect(rows).toEqual([
      ['a\r\n\r\nb', 'c'],
      ['d', 'e'],
    ]);
    expect(bad).toEqual(['x, row 2 (line 5) has not as many columns as the header: 1, not 2']);
  });

  it.each([
    ['that another row seems to end', 'h,i\na,"x\nb,"y\nc,d\n', [['c', 'd']]],
    [
      'that nothing ends',
      'h,i\na,"x\nb,y\nc,d\n',
      [
        ['b', 'y'],
        ['c', 'd'],
      ],
    ],
    [
      'of the last line',
      'h,i\nb,y\nc,d\na,"',
      [
        ['b', 'y'],
        ['c', 'd'],
      ],
    ],
  ])('a bare quote at the start of a cell, %s, costs its own row and no other', async (_, text, kept) => {
    const { rows, bad } = await read(text);
    expect(rows).toEqual(kept);
    for (const one of bad) expect(one).toMatch(/^x, row \d \(line \d\) opens a quote that nothing closes/);
    expect(rows.length + bad.length).toBe(3);
  });

  // parity/readers.test.ts holds many more against Python.
  it.each([
    ['in a return alone', 'h,i\ra,b\r"c\nx\r",d\r', ['c\nx\r', 'd']],
    ['in several returns and a newline', '"h","i"\r\r\na,b\r\r\n"c",d\r\r\n', ['c', 'd']],
    ['in a newline, and hold returns', 'h,i\na,b\n"c\r\nx",d\re\n', ['c\r\nx', 'd\re']],
  ])('lines may end %s', async (_, text, last) => {
    expect(await read(text)).toEqual({ rows: [['a', 'b'], last], bad: [] });
  });

  it('U+FFFD that is written in UTF-8 is a character; bytes that are no UTF-8 cost their row', async () => {
    expect((await read('h,i\na\uFFFDb,c\n')).rows).toEqual([['a\uFFFDb', 'c']]);
    const { rows, bad } = await read(Buffer.from('h,i\n\xff,"a\nb"\nc,d\n', 'latin1'));
    expect(rows).toEqual([['c', 'd']]);
    expect(bad).toEqual(['x, row 1 (line 2) is not UTF-8']);
  });
});

describe('TSV', () => {
  it('has no quotes: a line is a row, whatever it holds', async () => {
    const text = 'id\ta\tb\nm1\ta 27" monitor\t"PUSH" is what\nm2\t"open\tx,y\nm3\t""\t\n';
    expect(await read(text, 'tsv')).toEqual({
      rows: [
        ['m1', 'a 27" monitor', '"PUSH" is what'],
        ['m2', '"open', 'x,y'],
        ['m3', '""', null],
      ],
      bad: [],
    });
  });

  it('a cell with a line end is told, not taken as two rows', async () => {
    const { rows, bad } = await read('a\tb\n"x\ny"\tz\n', 'tsv');
    expect(rows).toEqual([['y"', 'z']]);
    expect(bad).toEqual([
      expect.stringMatching(/^x, row 1 \(line 2\) has not as many .*: 1, not 2; TSV has no/),
    ]);
  });
});
