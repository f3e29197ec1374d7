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
  export const promote = 'trackbook:promote-model-version';
}

/** Milliseconds between two looks at the server while the panel is visible. */
export const POLL_INTERVAL = 1000;

/** How many runs the panel asks for at once. */
export const PAGE_SIZE = 50;

/** Milliseconds between two looks at the cells of a notebook that is seen; only files change without a cell. */
export const BADGE_INTERVAL = 5000;
