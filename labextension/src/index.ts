import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'trackbook:plugin',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    console.log(app.name);
  }
};
export default plugin;
