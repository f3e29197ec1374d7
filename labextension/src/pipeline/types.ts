/** What the server tells about a notebook as a pipeline. */

import type { IServerJob } from '../jobs';

export type EdgeKind = 'proved' | 'may' | 'declared';

export interface IPlace {
  readonly cell: number;
  readonly line: number;
  readonly statement: string;
}

/** Why an edge is there: a name that one cell writes and another reads. */
export interface IEvidence {
  readonly name: string;
  readonly certain: boolean;
  readonly writes: IPlace | null;
  readonly reads: IPlace | null;
  readonly source: string;
  readonly why: string;
}

export interface IGraphCell {
  readonly index: number;
  readonly id: string;
  readonly step: string | null;
  /** Its place where it is in no step: parameters, imports, functions or skip. */
  readonly role: string | null;
  readonly source: string;
  readonly heading: string | null;
  readonly tags: readonly string[];
}

export interface IGraphEdge {
  readonly source: number;
  readonly target: number;
  readonly names: readonly string[];
  readonly kind: EdgeKind;
  readonly evidence?: readonly IEvidence[];
}

export interface IGraphProblem {
  readonly message: string;
  readonly cells: readonly number[];
  readonly severity: 'error' | 'warning';
}

export interface IGraph {
  readonly cells: readonly IGraphCell[];
  readonly edges: readonly IGraphEdge[];
  /** Whether no tag names a step, so that headings and data flow made them. */
  readonly inferred: boolean;
  readonly problems: readonly IGraphProblem[];
}

export interface IVerificationDifference {
  readonly what: string;
  readonly name: string;
  readonly step: string;
  readonly notebook: string;
  readonly script: string;
}

/** What the notebook does not repeat itself, and so is not held against the script. */
export interface IUnstable {
  readonly what: string;
  readonly name: string;
  readonly step: string;
  readonly cause: string;
}

export interface IVerification {
  readonly verdict: 'same' | 'differs' | 'cannot_run';
  readonly differences: readonly IVerificationDifference[];
  readonly compared: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly unstable: readonly IUnstable[];
  readonly tolerances: Readonly<Record<string, string>>;
  /** What notebook and script raise, both the same; empty where they run to their end. */
  readonly raises: string;
  readonly not_compared: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly seconds: number;
  /** Whether the script still is the one that was verified. */
  readonly current: boolean;
}

export interface IConversion extends IServerJob {
  readonly script: string | null;
  readonly wish: 'convert' | 'verify';
  /** Each of the runs that are compared: notebook, again and script. */
  readonly parts: Readonly<Record<string, { readonly position: number; readonly total: number }>>;
  /** The cells that the message is about. */
  readonly cells: readonly number[];
  readonly conversion: {
    readonly steps: readonly string[];
    readonly verification: IVerification | null;
  } | null;
}

export interface IConversions {
  readonly script: string | null;
  /** Whether the script is what the notebook, as it is saved, becomes. */
  readonly current: boolean;
  readonly verification: IVerification | null;
  readonly running: IConversion | null;
}
