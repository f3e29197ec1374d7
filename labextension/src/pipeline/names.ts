/** What an edge carries, in words: a variable, a file, or the state of something that all cells share. */

export interface ICarried {
  readonly kind: '' | 'file' | 'state of';
  readonly text: string;
}

export function carried(name: string): ICarried {
  if (name.startsWith('file:')) {
    return { kind: 'file', text: name.slice('file:'.length) };
  }
  return name.startsWith('state:')
    ? { kind: 'state of', text: name.slice('state:'.length) }
    : { kind: '', text: name };
}

export function inWords(name: string): string {
  const { kind, text } = carried(name);
  return kind === '' ? text : `${kind} ${text}`;
}
