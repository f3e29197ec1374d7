/** What the server says about dataset versions. */

export interface IDatasetColumn {
  readonly name: string;
  readonly type: string;
  readonly dtype: string;
  /** How many values are missing. */
  readonly nulls: number;
}

/** `size` in bytes; `rows` and `schema` are those of a table, and of a file there are none. */
export interface IDatasetVersion {
  readonly name: string;
  readonly version: number;
  readonly uri: string;
  readonly fingerprint: string;
  /** What it is to a person: a frame, a file or a folder. */
  readonly kind: string;
  /** Whether nobody asked for it: an input of a tracked cell. */
  readonly automatic: boolean;
  readonly size: number;
  readonly rows: number | null;
  readonly columns: number | null;
  readonly schema: {
    readonly columns: readonly IDatasetColumn[];
    readonly index: readonly IDatasetColumn[];
  };
  readonly source: string | null;
  readonly run_id: string | null;
  readonly run_name: string | null;
  readonly created_time: string;
  readonly created_by: string;
}

/** A dataset in a list: its newest version, and how many there are. */
export interface IDataset {
  readonly name: string;
  readonly versions: number;
  readonly newest: IDatasetVersion;
}

export interface IRetyped {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** Without a key a changed row counts as one removed and one added, and `rows_changed` is null. */
export interface IFrameDifference {
  readonly kind: 'frame';
  readonly columns_added: readonly string[];
  readonly columns_removed: readonly string[];
  readonly columns_retyped: readonly IRetyped[];
  readonly rows_before: number;
  readonly rows_after: number;
  readonly rows_added: number;
  readonly rows_removed: number;
  readonly rows_changed: number | null;
  /** How many values of a column changed in the rows of one key. */
  readonly columns_changed: Readonly<Record<string, number>>;
  readonly reordered: boolean;
}

export interface IFileDifference {
  readonly kind: 'file';
  readonly size_before: number;
  readonly size_after: number;
}

/** Paths within a folder. */
export interface IFolderDifference {
  readonly kind: 'folder';
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What changed from version `against` to `version`. */
export interface IDatasetDifference {
  readonly name: string;
  readonly version: number;
  readonly against: number;
  readonly same: boolean;
  readonly difference: IFrameDifference | IFileDifference | IFolderDifference;
}
