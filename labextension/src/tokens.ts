/** Every name that more than one module needs. */

export const PLUGIN_ID = 'trackbook:plugin';

/** The path of the REST interface below the server's base URL. */
export const API_PATH = 'trackbook/api';

export const PANEL_ID = 'trackbook-panel';

/** The MIME type whose renderer JupyterLab ships; Altair's specifications carry it. */
export const VEGA_LITE_MIME = 'application/vnd.vegalite.v5+json';

export namespace CommandIDs {
  export const show = 'trackbook:show-panel';
  export const refresh = 'trackbook:refresh';
  export const openRun = 'trackbook:open-run';
  export const openDriftReport = 'trackbook:open-drift-report';
  export const openModel = 'trackbook:open-model';
  export const openRuns = 'trackbook:open-runs';
  export const compareRuns = 'trackbook:compare-runs';
  export const openDataset = 'trackbook:open-dataset';
  export const openPipeline = 'trackbook:open-pipeline';
  export const convert = 'trackbook:convert-notebook';
  export const verify = 'trackbook:verify-notebook';
  export const runPipeline = 'trackbook:run-pipeline';
  export const runFromStep = 'trackbook:run-pipeline-from-step';
  export const runOnlyStep = 'trackbook:run-only-step';
  export const stepMenu = 'trackbook:open-step-menu';
  export const setStep = 'trackbook:set-step';
  export const newStep = 'trackbook:new-step';
  export const toggleTag = 'trackbook:toggle-tag';
  export const clearTags = 'trackbook:clear-step-tags';
}

/** Milliseconds between two looks at the server while the panel is visible. */
export const POLL_INTERVAL = 1000;

/** How many runs the panel shows at first, and how many more each time: all of them stand in their own document. */
export const PAGE_SIZE = 12;

/** Milliseconds between two looks at the cells of a notebook that is seen; only files change without a cell. */
export const BADGE_INTERVAL = 5000;

/** Milliseconds between two looks at a list of runs, or at the curves of a run that is going on. */
export const LIST_INTERVAL = 2000;

/** How many models the panel shows. */
export const MODELS_SHOWN = 50;

/** How many runs can be compared: more curves than these nobody can tell apart. */
export const COMPARED_RUNS = 20;

/** How many runs can be selected at once. */
export const SELECTED_RUNS = 500;
