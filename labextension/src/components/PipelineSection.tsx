import { baseName } from '../format';
import type { IState } from '../model';
import { Empty } from './Empty';
import { Section } from './Section';

interface IPipelineSectionProps {
  readonly state: IState;
  readonly onOpen: (path: string) => void;
}

/** The notebook that is open, as a pipeline. */
export function PipelineSection(props: IPipelineSectionProps): JSX.Element {
  const { notebook } = props.state;
  return (
    <Section title="Pipeline" total={null}>
      {notebook === null ? (
        <Empty title="No notebook is open.">
          Open one to see its graph, and to turn it into a script.
        </Empty>
      ) : (
        <ul className="tb-List" aria-label="Pipeline of the open notebook">
          <li>
            <button
              className="tb-Row"
              data-row
              aria-label={`Pipeline of ${baseName(notebook)}`}
              onClick={() => props.onOpen(notebook)}
            >
              <span className="tb-Mark tb-tone-busy" aria-hidden="true">
                ⇉
              </span>
              <span className="tb-Row-main">
                <span className="tb-Row-line">
                  <span className="tb-Row-name" title={notebook}>
                    {baseName(notebook)}
                  </span>
                </span>
                <span className="tb-Row-line tb-Row-detail">
                  <span className="tb-Row-facts">graph, convert, verify</span>
                </span>
              </span>
            </button>
          </li>
        </ul>
      )}
    </Section>
  );
}
