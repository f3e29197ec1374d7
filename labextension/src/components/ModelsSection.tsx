import { count, formatAgo, look, STAGE_LOOKS } from '../format';
import type { IState } from '../model';
import { DEPRECATED_LOOK, gatesLook, OVERRIDE_LOOK, spoken } from '../models/rules';
import type { IModelSummary, IVersionBrief } from '../models/types';
import { Chip, Mark } from './Chip';
import { Empty } from './Empty';
import { moveFocus, useNow } from './hooks';
import { Problem } from './Problem';
import { Section } from './Section';

interface IModelsSectionProps {
  readonly state: IState;
  readonly onOpen: (name: string) => void;
}

/** The registered models: what is in production, what is newest, and what waits for somebody. */
export function ModelsSection(props: IModelsSectionProps): JSX.Element {
  const { models, problems } = props.state;
  const now = useNow(10_000);
  const shown = models?.models ?? [];
  return (
    <Section title="Models" total={models ? models.total.toLocaleString('en-US') : null}>
      {problems.models && <Problem error={problems.models} />}
      {!problems.models && models?.total === 0 && (
        <Empty title="No models yet.">
          Run <code>%register VARIABLE NAME</code> in the cell after the one that fitted a model.
        </Empty>
      )}
      {shown.length > 0 && (
        <ul className="tb-List" aria-label="Models" onKeyDown={moveFocus}>
          {shown.map(model => (
            <li key={model.name}>
              <ModelButton model={model} now={now} onOpen={props.onOpen} />
            </li>
          ))}
        </ul>
      )}
      {models && models.total > shown.length && (
        <p className="tb-Section-more">
          and {count(models.total - shown.length, 'more model')}; <code>trackbook models list</code>{' '}
          shows all
        </p>
      )}
    </Section>
  );
}

function ModelButton(props: {
  model: IModelSummary;
  now: number;
  onOpen: IModelsSectionProps['onOpen'];
}): JSX.Element {
  const { model, now } = props;
  const { production, newest } = model;
  const stage = look(STAGE_LOOKS, production ? 'production' : (newest?.stage ?? 'none'));
  return (
    <button
      className="tb-Row"
      data-row
      aria-label={spoken(model)}
      onClick={() => props.onOpen(model.name)}
    >
      <Mark look={stage} />
      <span className="tb-Row-main">
        <span className="tb-Row-line">
          <span className="tb-Row-name" title={model.name}>
            {model.name}
          </span>
          <span className="tb-Row-time">{newest ? formatAgo(newest.created_time, now) : ''}</span>
        </span>
        <span className="tb-Row-line tb-Row-detail">
          <span className="tb-Row-facts">
            <span>
              {production ? `v${production.version} in production` : 'none in production'}
            </span>
            {newest && newest.version !== production?.version && (
              <span>· newest v{newest.version}</span>
            )}
          </span>
        </span>
        <span className="tb-Row-chips">
          {newest && <GatesOf version={newest} />}
          {production?.override != null && (
            <Chip look={OVERRIDE_LOOK} title={`Overridden: ${production.override}`} />
          )}
          {production?.deprecated != null && (
            <Chip look={DEPRECATED_LOOK} title={`Deprecated: ${production.deprecated}`} />
          )}
          {model.waiting > 0 && (
            <Chip
              look={{
                word: `waits for ${count(model.waiting, 'approval')}`,
                sign: '…',
                tone: 'warn'
              }}
            />
          )}
          {Object.entries(model.aliases).map(([alias, version]) => (
            <span
              className="tb-Chip tb-Alias"
              key={alias}
              title={`Alias ${alias}, version ${version}`}
            >
              <span className="tb-Chip-sign" aria-hidden="true">
                @
              </span>
              {alias} v{version}
            </span>
          ))}
        </span>
      </span>
    </button>
  );
}

function GatesOf(props: { version: IVersionBrief }): JSX.Element {
  const { version, gates } = props.version;
  return <Chip look={gatesLook(gates)} title={`Gates of version ${version}`} />;
}
