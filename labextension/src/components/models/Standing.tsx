import type { Stage } from '../../api';
import { count, formatAgo, formatTime, look, STAGE_LOOKS } from '../../format';
import type { IDecision, IStanding, ITally } from '../../models/types';
import { Chip } from '../Chip';
import { useNow } from '../hooks';

/** What a version still lacks for a stage, in sentences; in the page, and in each dialog before anything is done. */
export function Standing(props: { standing: IStanding; version: number }): JSX.Element {
  const { standing, version } = props;
  const stage = nameOf(standing.stage);
  return (
    <div className="tb-Standing">
      {standing.ready ? (
        <p className="tb-Standing-line tb-tone-good">
          <span className="tb-Word">✓</span> Version {version} lacks nothing for {stage}.
        </p>
      ) : (
        <ul className="tb-Standing-list" aria-label={`What version ${version} lacks for ${stage}`}>
          {standing.sentences.map(each => (
            <li key={each} className="tb-Standing-line tb-tone-bad">
              <span className="tb-Word" aria-hidden="true">
                ✕
              </span>{' '}
              {each}
            </li>
          ))}
        </ul>
      )}
      {standing.advisory !== null && (
        <p className="tb-Standing-line tb-tone-warn">
          <span className="tb-Word">Advisory</span> {standing.advisory}
        </p>
      )}
    </div>
  );
}

export function nameOf(stage: Stage): string {
  return look(STAGE_LOOKS, stage).word;
}

/** Who approved, who said no, and who else can. */
export function Approvals(props: { tallies: readonly ITally[] }): JSX.Element {
  if (props.tallies.length === 0) {
    return <p className="tb-None">trackbook.toml asks for no approvals for this stage.</p>;
  }
  return (
    <>
      {props.tallies.map((tally, place) => (
        <div key={place} className="tb-Tally">
          <p className="tb-Tally-head">
            <Chip
              look={
                tally.met
                  ? { word: 'met', sign: '✓', tone: 'good' }
                  : { word: 'waiting', sign: '…', tone: 'warn' }
              }
            />{' '}
            {count(tally.count, 'approval')} of {tally.named.join(', ')}
            {!tally.met && tally.open.length > 0 && (
              <span className="tb-Quiet">; can still approve: {tally.open.join(', ')}</span>
            )}
          </p>
          <Decisions decisions={tally.decisions} />
        </div>
      ))}
    </>
  );
}

function Decisions(props: { decisions: readonly IDecision[] }): JSX.Element {
  const now = useNow(10_000);
  return (
    <ul className="tb-Decisions">
      {props.decisions.map((each, place) => (
        <li
          key={place}
          className={`tb-tone-${each.approved ? 'good' : 'bad'}${each.void === null ? '' : ' tb-mod-void'}`}
        >
          <span className="tb-Word">{each.approved ? '✓ approved' : '✕ rejected'}</span> by{' '}
          <strong>{each.who}</strong>{' '}
          <span className="tb-Quiet" title={formatTime(each.time)}>
            {formatAgo(each.time, now)}
            {each.expires !== null && `, until ${formatTime(each.expires)}`}
          </span>
          {each.comment && <q className="tb-Comment">{each.comment}</q>}
          {each.void !== null && (
            <span className="tb-Gate-void">
              <strong>Void:</strong> {each.void}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
