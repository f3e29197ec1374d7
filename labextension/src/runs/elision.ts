/** Texts cut to the width that they have. */

/** Says how wide a text is drawn, in pixels. */
export type Measure = (text: string) => number;

/** Measures as a canvas draws with a font. */
export function measureIn(font: string): Measure {
  const context = document.createElement('canvas').getContext('2d');
  if (context === null) {
    return () => 0;
  }
  context.font = font;
  return text => context.measureText(text).width;
}

/** Cuts texts, and knows for a while what became of them: measuring is most of what drawing a text takes. */
export class Elision {
  constructor(
    private readonly _measure: Measure,
    private readonly _kept = 5000
  ) {}

  /** The text, or as much of its beginning as fits into so many pixels, and an ellipsis. */
  fit(text: string, width: number): string {
    const key = `${width} ${text}`;
    const known = this._fitted.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this._fitted.size >= this._kept) {
      this._fitted.clear();
    }
    const fitted = this._measure(text) <= width ? text : this._cut([...text], width);
    this._fitted.set(key, fitted);
    return fitted;
  }

  private _cut(characters: readonly string[], width: number): string {
    let fits = Math.min(1, characters.length);
    let cut = characters.length;
    while (cut - fits > 1) {
      const middle = Math.floor((fits + cut) / 2);
      if (this._measure(cutAt(characters, middle)) <= width) {
        fits = middle;
      } else {
        cut = middle;
      }
    }
    return cutAt(characters, fits);
  }

  private readonly _fitted = new Map<string, string>();
}

const cutAt = (characters: readonly string[], count: number): string =>
  `${characters.slice(0, count).join('')}…`;
