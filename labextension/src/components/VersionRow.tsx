import { caretDownEmptyThinIcon } from '@jupyterlab/ui-components';

import type { IGateResult, IModel, IModelVersion } from '../api';
import { count, formatAgo, formatNumber, look, sentence, STAGE_LOOKS } from '../format';
import type { IPromotion } from '../model';
import { aliasesOf, currentGates, judgedMetric } from '../selection';
import { Chip } from './Chip';
import type { AskStage } from './ModelsSection';
import { Notice } from './Problem';

interface IVersionRowProps {
  readonly model: IModel;
  readonly version: IModelVersion;
  readonly now: number;
  readonly promotion: IPromotion | null;
  readonly onPromote: AskStage;
  readonly onDismiss: () => void;
}

/** One version: where it stands, what its gates said, and the button that asks for another stage. */
export function VersionRow(props: IVersionRowProps): JSX.Element {
  const { model, version, promotion } = props;
  const title = `${model.name} version ${version.version}`;
  const metric = judgedMetric(version);
  // Not `disabled`, which would take the focus away from whoever pressed the button by keyboard.
  const pending = promotion?.outcome === 'pending';
  return (
    <li className="tb-Version" aria-label={title}>
      <div className="tb-Version-head">
        <span className="tb-Version-number">v{version.version}</span>
        <span className="tb-Version-chips">
          <Chip look={look(STAGE_LOOKS, version.stage)} title={`Stage of ${title}`} />
          {aliasesOf(model, version.version).map(alias => (
            <span className="tb-Chip tb-Alias" key={alias} title={`Alias ${alias}`}>
              <span className="tb-Chip-sign" aria-hidden="true">
                @
              </span>
              {alias}
            </span>
          ))}
        </span>
        <button
          className="tb-Button"
          aria-haspopup="menu"
          aria-label={`Promote ${title}`}
          aria-disabled={pending}
          onClick={event => !pending && props.onPromote(model, version, event.currentTarget)}
        >
          Promote
          <caretDownEmptyThinIcon.react tag="span" width="12px" height="12px" />
        </button>
      </div>
      <p className="tb-Version-facts">
        <Gates gates={currentGates(version.gates)} />
        {metric && (
          <span className="tb-Version-metric">
            {metric[0]} <span className="tb-Number">{formatNumber(metric[1])}</span>
          </span>
        )}
        <span className="tb-Row-time" title={`Registered by ${version.created_by}`}>
          {formatAgo(version.created_time, props.now)}
        </span>
      </p>
      <Outcome title={title} promotion={promotion} onDismiss={props.onDismiss} />
    </li>
  );
}

/** How many gates passed and which failed, in words. */
function Gates(props: { gates: readonly IGateResult[] }): JSX.Element {
  const failed = props.gates.filter(gate => !gate.passed);
  if (props.gates.length === 0) {
    return <span className="tb-Gates tb-tone-quiet">not judged yet</span>;
  }
  const shown = failed.length > 0 ? failed : props.gates;
  const word = failed.length > 0 ? 'failed' : 'passed';
  return (
    <span
      className={`tb-Gates tb-tone-${failed.length > 0 ? 'bad' : 'good'}`}
      title={shown.map(gate => `${gate.stage}: ${gate.reason}`).join('\n')}
    >
      <span aria-hidden="true">{failed.length > 0 ? '✕' : '✓'}</span> {count(shown.length, 'gate')}{' '}
      {word}
    </span>
  );
}

function Outcome(props: {
  title: string;
  promotion: IPromotion | null;
  onDismiss: () => void;
}): JSX.Element | null {
  const { title, promotion, onDismiss } = props;
  if (promotion === null || promotion.outcome === 'pending') {
    return null;
  }
  const stage = promotion.stage === 'none' ? 'no stage' : promotion.stage;
  if (promotion.outcome === 'done') {
    return <Notice tone="good" title={`${title} is now in ${stage}`} onDismiss={onDismiss} />;
  }
  const refused = promotion.outcome === 'refused';
  return (
    <Notice
      tone="bad"
      title={refused ? 'Refused by its gates' : `${title} was not moved`}
      onDismiss={onDismiss}
    >
      {sentence(promotion.message)}
    </Notice>
  );
}
