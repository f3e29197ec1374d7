import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { useEffect, useRef } from 'react';

/** Python source, coloured by JupyterLab's own editor; plain text until, or unless, that works. */
export function Code(props: {
  source: string;
  languages: IEditorLanguageRegistry | null;
  label: string;
}): JSX.Element {
  const { source, languages } = props;
  const host = useRef<HTMLElement>(null);
  useEffect(() => {
    const python = languages?.findBest('ipython') ?? languages?.findBest('python');
    if (host.current === null || !languages || !python) {
      return;
    }
    const coloured = document.createElement('code');
    void languages.highlight(source, python, coloured).then(() => {
      host.current?.replaceChildren(...coloured.childNodes);
    });
  }, [source, languages]);
  return (
    <pre className="tb-Code" tabIndex={0} role="region" aria-label={props.label}>
      <code key={source} ref={host}>
        {source}
      </code>
    </pre>
  );
}
