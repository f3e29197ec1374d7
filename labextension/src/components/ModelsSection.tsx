import type { IModel, IModelVersion } from '../api';
import type { IPromotion, IState, TrackbookModel } from '../model';
import { Empty } from './Empty';
import { useNow } from './hooks';
import { Problem } from './Problem';
import { Section } from './Section';
import { VersionRow } from './VersionRow';

export type AskStage = (model: IModel, version: IModelVersion, button: HTMLElement) => void;

interface IModelsSectionProps {
  readonly model: TrackbookModel;
  readonly state: IState;
  readonly onPromote: AskStage;
}

/** The registered models, each with its versions, newest first. */
export function ModelsSection(props: IModelsSectionProps): JSX.Element {
  const { models, problems, promotion } = props.state;
  const now = useNow(10000);
  return (
    <Section title="Models" total={models ? String(models.length) : null}>
      {problems.models && <Problem error={problems.models} />}
      {!problems.models && models?.length === 0 && (
        <Empty title="No models yet.">
          Run <code>%register VARIABLE NAME</code> in the cell after the one that fitted a model.
        </Empty>
      )}
      {models?.map(item => (
        <section className="tb-Model" key={item.name} aria-label={`Model ${item.name}`}>
          <h3 className="tb-Model-name">{item.name}</h3>
          <ul className="tb-List" aria-label={`Versions of ${item.name}`}>
            {[...item.versions]
              .sort((one, other) => other.version - one.version)
              .map(version => (
                <VersionRow
                  key={version.version}
                  model={item}
                  version={version}
                  now={now}
                  promotion={concerns(promotion, item, version)}
                  onPromote={props.onPromote}
                  onDismiss={() => props.model.dismissPromotion()}
                />
              ))}
          </ul>
        </section>
      ))}
    </Section>
  );
}

function concerns(
  promotion: IPromotion | null,
  model: IModel,
  version: IModelVersion
): IPromotion | null {
  const same = promotion?.name === model.name && promotion.version === version.version;
  return same ? promotion : null;
}
