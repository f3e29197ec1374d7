import { describe, expect, test } from 'vitest';

import type { IRunData } from '../src/api';
import { columnChanges, inputsOf, outputsOf, parseCsv } from '../src/data';
import { arrange, COLUMN_LIMIT } from '../src/layout';
import { codeOf, firstLine, formatName, givesText } from '../src/program';
import type { IExecution, ILineage, INode } from '../src/proof';

function data(role: IRunData['role'], name: string, columns: Record<string, string>): IRunData {
  return {
    role,
    name,
    kind: 'frame',
    fingerprint: name,
    rows: 1,
    size: null,
    columns,
    reason: null
  };
}

describe('the data of a run', () => {
  test('stands before and after where it was changed, with the columns that are others', () => {
    const records = [
      data('read', 'df', { a: '1', b: '2', c: '3' }),
      data('mutated', 'df', { a: '1', b: '9', d: '4' }),
      data('written', 'out', { a: '1' })
    ];
    expect(inputsOf(records).map(use => use.name)).toEqual(['df']);
    const [changed, made] = outputsOf(records);
    expect(columnChanges(changed!)).toEqual({ changed: ['b'], added: ['d'], removed: ['c'] });
    expect([made!.name, made!.before, columnChanges(made!)]).toEqual(['out', null, null]);
  });
});

describe('a CSV table', () => {
  test.each([
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2']
      ]
    ],
    [
      '"a,""x""","l\nm"\r\n1,2',
      [
        ['a,"x"', 'l\nm'],
        ['1', '2']
      ]
    ],
    ['', []]
  ])('%j is read', (text, expected) => {
    expect(parseCsv(text, 10)).toEqual(expected);
  });

  test('is read no further than asked for', () => {
    expect(parseCsv('1\n'.repeat(1_000_000), 3)).toHaveLength(3);
  });
});

function cell(count: number, gives: IExecution['gives'] = []): IExecution {
  return {
    session: 's',
    number: count,
    source: '%%track\n\nx = 1\n',
    start_time: 0,
    seconds: 0,
    status: 'ok',
    notebook: null,
    cell_id: null,
    execution_count: count,
    error_line: null,
    gives
  };
}

describe('a program', () => {
  test('tells why each cell is in it, what the run needs first', () => {
    const program = [
      cell(1, [
        { place: 1, names: ['pd'] },
        { place: 2, names: ['file:/data/a.csv', 'df'] }
      ]),
      cell(4),
      cell(7)
    ];
    expect(givesText(program, 0)).toBe('the file a.csv, df for the run; pd for [4]');
    expect(givesText(program, 1)).toBe('seen to matter while it ran');
  });

  test('shows code without the lines around it', () => {
    expect(codeOf('\n\n  x = 1\n\n')).toBe('  x = 1');
    expect(firstLine('%%track a\n\nx = 1\ny = 2')).toBe('x = 1');
    expect(formatName('state:numpy.random')).toBe('the state of numpy.random');
  });
});

function node(id: string, kind: INode['kind'], stage: number): INode {
  const number = kind === 'cell' ? Number(id) : null;
  return {
    id,
    kind,
    label: id,
    detail: '',
    stage,
    run_id: null,
    number,
    path: null,
    contents_path: null
  };
}

describe('a lineage', () => {
  test('stands in columns from sources to results; each line begins and ends at its things', () => {
    const lineage: ILineage = {
      nodes: [
        node('run', 'run', 2),
        node('in', 'file', 0),
        node('0', 'cell', 1),
        node('out', 'data', 3)
      ],
      links: [
        { source: 'in', target: '0', names: [] },
        { source: '0', target: 'run', names: ['df'] },
        { source: 'run', target: 'out', names: [] }
      ]
    };
    const layout = arrange(lineage);
    expect(layout.columns.map(column => column.title)).toEqual(['Read', 'Program', 'Run', 'Made']);
    expect(layout.lines.map(line => [line.source.id, line.target.id])).toEqual([
      ['in', '0'],
      ['0', 'run'],
      ['run', 'out']
    ]);
    expect(layout.nodes.every(({ x, y }) => x >= 0 && y >= 0)).toBe(true);
  });

  test('of five hundred cells shows those that are nearest to the run and how many more there are', () => {
    const cells = Array.from({ length: 500 }, (_, index) => node(String(index), 'cell', 1));
    const links = cells.map((each, index) => ({
      source: each.id,
      target: index < 490 ? String(index + 1) : 'run',
      names: ['x']
    }));
    const layout = arrange({ nodes: [node('run', 'run', 2), ...cells], links });
    const shown = layout.nodes.filter(each => each.id !== 'run');
    expect(shown).toHaveLength(COLUMN_LIMIT);
    expect(shown[0]!.label).toBe('494 more');
    expect(shown.slice(1).map(each => each.id)).toEqual(['494', '495', '496', '497', '498', '499']);
    expect(layout.lines.filter(line => line.target.id === 'run')).toHaveLength(COLUMN_LIMIT);
  });
});
