/** The part of the REST interface that is about models. */

import type { Stage } from '../api';
import { HttpClient } from '../http';
import type { ILineage } from '../proof';
import type {
  IAuditPage,
  IAuditVerdict,
  ICard,
  ICheckJob,
  IModelDetail,
  IModelPage,
  IPromotionWish,
  IStanding,
  IVersion,
  IVersionComparison
} from './types';

export abstract class ModelsClient extends HttpClient {
  async models(limit = 50, cursor: string | null = null): Promise<IModelPage> {
    return this.get<IModelPage>('models', { limit, cursor });
  }

  async model(name: string): Promise<IModelDetail> {
    return this.get<IModelDetail>(pathOf(name));
  }

  /** What a version still lacks for a stage. */
  async standing(name: string, version: number, stage: Stage): Promise<IStanding> {
    const path = pathOf(name, version);
    return (await this.get<{ standing: IStanding }>(path, { stage })).standing;
  }

  /** Starts to judge a version by the gates of a stage, or joins whoever has started already. */
  async checkModel(name: string, version: number, stage: Stage): Promise<ICheckJob> {
    return this.send<ICheckJob>('POST', `${pathOf(name, version)}/checks`, { stage });
  }

  async modelCheck(jobId: string): Promise<ICheckJob> {
    return this.get<ICheckJob>(`checks/${encodeURIComponent(jobId)}`);
  }

  async cancelModelCheck(jobId: string): Promise<ICheckJob> {
    return this.send<ICheckJob>('DELETE', `checks/${encodeURIComponent(jobId)}`);
  }

  async approve(
    name: string,
    version: number,
    decision: { readonly stage: Stage; readonly approved: boolean; readonly comment: string }
  ): Promise<void> {
    await this.send('POST', `${pathOf(name, version)}/approvals`, decision);
  }

  /** Asks for a stage; a policy that says no is an `ApiError` with the code `gate_refused`. */
  async promote(name: string, version: number, wish: IPromotionWish): Promise<IVersion> {
    return this.send<IVersion>('POST', `${pathOf(name, version)}/promotions`, wish);
  }

  async deprecate(name: string, version: number, reason: string | null): Promise<void> {
    await this.send('POST', `${pathOf(name, version)}/deprecation`, { reason });
  }

  async rollBack(name: string, reason: string | null): Promise<IVersion> {
    return this.send<IVersion>('POST', `${pathOf(name)}/rollbacks`, { reason });
  }

  /** Lets an alias name a version; one that the policy protects may be refused. */
  async setAlias(
    name: string,
    alias: string,
    wish: { readonly version: number; readonly reason: string | null }
  ): Promise<void> {
    await this.send('PUT', `${pathOf(name)}/aliases/${encodeURIComponent(alias)}`, wish);
  }

  async compareVersions(name: string, one: number, other: number): Promise<IVersionComparison> {
    return this.get<IVersionComparison>(`${pathOf(name, one)}/comparison/${other}`);
  }

  async modelLineage(name: string, version: number): Promise<ILineage> {
    return this.get<ILineage>(`${pathOf(name, version)}/lineage`);
  }

  async modelCard(name: string, version: number): Promise<ICard> {
    return this.get<ICard>(`${pathOf(name, version)}/card`);
  }

  /** The audit events of a model, newest first. */
  async auditEvents(model: string, cursor: string | null, limit = 50): Promise<IAuditPage> {
    return this.get<IAuditPage>('audit-events', { model, cursor, limit });
  }

  async auditVerdict(): Promise<IAuditVerdict> {
    return this.get<IAuditVerdict>('audit-verdict');
  }
}

function pathOf(name: string, version: number | null = null): string {
  const model = `models/${encodeURIComponent(name)}`;
  return version === null ? model : `${model}/versions/${version}`;
}
