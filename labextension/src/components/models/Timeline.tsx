import { formatAgo, formatNumber, formatTime, look, STAGE_LOOKS } from '../../format';
import {
  DEPRECATED_LOOK,
  gatesLook,
  type ISpan,
  OVERRIDE_LOOK,
  stageSpans,
  UNSAFE_LOOK
} from '../../models/rules';
import type { IAuditEvent, IVersion } from '../../models/types';
import { mainMetric } from '../../selection';
import { Chip } from '../Chip';
import { moveFocus, useNow } from '../hooks';

interface ITimelineProps {
  readonly versions: readonly IVersion[];
  /** The events of the model, as many as have come. */
  readonly events: readonly IAuditEvent[];
  readonly chosen: number;
  readonly onChoose: (version: number) => void;
}

/** The versions, newest first, each with the stages it went through on one scale of time. */
export function Timeline(props: ITimelineProps): JSX.Element {
  const now = useNow(10_000);
  const spans = stageSpans(props.versions, props.events, now);
  return (
    <ol className="tb-Timeline" aria-label="Versions, newest first" onKeyDown={moveFocus}>
      {props.versions.map(version => (
        <Row
          key={version.version}
          version={version}
          spans={spans.get(version.version) ?? []}
          chosen={version.version === props.chosen}
          now={now}
          onChoose={props.onChoose}
        />
      ))}
    </ol>
  );
}

function Row(props: {
  version: IVersion;
  spans: readonly ISpan[];
  chosen: boolean;
  now: number;
  onChoose: (version: number) => void;
}): JSX.Element {
  const { version, chosen, now } = props;
  const stage = look(STAGE_LOOKS, version.stage);
  const metric = mainMetric(version.metrics);
  const marks = [
    version.override !== null && 'by an override',
    version.deprecated !== null && 'deprecated',
    version.unsafe && 'pickle'
  ].filter(Boolean);
  const names = version.aliases.map(alias => `@${alias}`);
  const label = [`Version ${version.version}`, stage.word, ...marks, ...names].join(', ');
  return (
    <li className={`tb-Timeline-row tb-tone-${stage.tone}${chosen ? ' tb-mod-chosen' : ''}`}>
      <button
        className="tb-Timeline-button"
        data-row
        aria-pressed={chosen}
        aria-label={label}
        onClick={() => props.onChoose(version.version)}
      >
        <span className="tb-Timeline-number">v{version.version}</span>
        <span className="tb-Timeline-chips">
          <Chip look={stage} />
          {version.override !== null && (
            <Chip look={OVERRIDE_LOOK} title={`Overridden: ${version.override}`} />
          )}
          {version.unsafe && (
            <Chip look={UNSAFE_LOOK} title="Loading it may run code that it brings along" />
          )}
          {version.deprecated !== null && (
            <Chip look={DEPRECATED_LOOK} title={`Deprecated: ${version.deprecated}`} />
          )}
          {version.aliases.map(alias => (
            <span className="tb-Chip tb-Alias" key={alias}>
              <span className="tb-Chip-sign" aria-hidden="true">
                @
              </span>
              {alias}
            </span>
          ))}
        </span>
        <span className="tb-Timeline-track" aria-hidden="true">
          {props.spans.map((span, place) => (
            <Stretch key={place} span={span} />
          ))}
        </span>
        <span className="tb-Timeline-facts">
          <span className={`tb-Gates tb-tone-${gatesLook(version.gates).tone}`}>
            {gatesLook(version.gates).sign} {gatesLook(version.gates).word}
          </span>
          {metric && (
            <span className="tb-Timeline-metric" title={metric[0]}>
              {metric[0]} <span className="tb-Number">{formatNumber(metric[1])}</span>
            </span>
          )}
          <span className="tb-Quiet" title={formatTime(version.created_time)}>
            {version.created_by}, {formatAgo(version.created_time, now)}
          </span>
        </span>
      </button>
    </li>
  );
}

function Stretch(props: { span: ISpan }): JSX.Element {
  const { stage, start, end, override } = props.span;
  const { tone, word } = look(STAGE_LOOKS, stage);
  return (
    <span
      className={`tb-Timeline-span tb-stage-${stage} tb-tone-${override ? 'bad' : tone}`}
      title={override ? `${word}, by an override` : word}
      style={{ left: `${100 * start}%`, width: `${100 * (end - start)}%` }}
    />
  );
}
