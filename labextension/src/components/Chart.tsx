import { MimeModel, type IRenderMime, type IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { useEffect, useRef, useState } from 'react';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { VEGA_LITE_MIME } from '../tokens';

interface IChartProps {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly rendermime: IRenderMimeRegistry;
  /** Changes with the theme, so that the picture is drawn again in its colours. */
  readonly theme: string | null;
}

/** One Vega-Lite picture, drawn by the renderer that JupyterLab uses for a notebook's outputs. */
export function Chart(props: IChartProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const before = useRef<IRenderMime.IRenderer | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    const node = host.current;
    if (node === null) {
      return;
    }
    let stale = false;
    const renderer = props.rendermime.createRenderer(VEGA_LITE_MIME);
    const model = new MimeModel({
      data: { [VEGA_LITE_MIME]: fitted(props.spec, node.clientWidth) as never },
      metadata: { [VEGA_LITE_MIME]: { embed_options: embedOptions(node) as never } },
      trusted: true
    });
    MessageLoop.sendMessage(renderer, Widget.Msg.BeforeAttach);
    renderer.addClass('tb-mod-drawing');
    node.append(renderer.node);
    MessageLoop.sendMessage(renderer, Widget.Msg.AfterAttach);
    void renderer.renderModel(model).then(
      () => {
        if (stale) {
          discard(renderer);
          return;
        }
        // The picture before stays until this one stands, so that a live one does not flicker.
        renderer.removeClass('tb-mod-drawing');
        discard(before.current);
        before.current = renderer;
      },
      (error: unknown) => {
        discard(renderer);
        setFault(stale ? null : String(error));
      }
    );
    return () => {
      stale = true;
    };
  }, [props.spec, props.theme]);
  useEffect(() => () => discard(before.current), []);
  return (
    <>
      {fault !== null && <p className="tb-None">The picture cannot be drawn: {fault}</p>}
      <div className="tb-Chart" ref={host} />
    </>
  );
}

/** Let go of a picture, also when its place in the page has gone before it. */
function discard(renderer: IRenderMime.IRenderer | null): void {
  if (renderer?.isAttached && !renderer.node.isConnected) {
    MessageLoop.sendMessage(renderer, Widget.Msg.AfterDetach);
  }
  renderer?.dispose();
}

/** A picture of one view takes the whole width of its card; what is composed of several keeps its own. */
function fitted(spec: IChartProps['spec'], width: number): IChartProps['spec'] {
  const single = typeof spec['width'] === 'number' && width > 0;
  return single ? { ...spec, width, autosize: { type: 'fit-x', contains: 'padding' } } : spec;
}

/** Axes and text in the theme's colours; a specification's own colours win. */
function embedOptions(node: HTMLElement): object {
  const style = getComputedStyle(node);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const text = color('--jp-ui-font-color1');
  const quiet = color('--jp-ui-font-color2');
  const line = color('--jp-border-color2');
  const axis = {
    labelColor: quiet,
    titleColor: text,
    gridColor: line,
    domainColor: line,
    tickColor: line
  };
  return {
    actions: false,
    config: {
      background: 'transparent',
      font: style.fontFamily,
      axis,
      header: { labelColor: quiet, titleColor: text },
      legend: { labelColor: quiet, titleColor: text },
      title: { color: text, subtitleColor: quiet },
      text: { color: text },
      view: { stroke: line }
    }
  };
}
