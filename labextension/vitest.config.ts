import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
  // JupyterLab's packages import each other without file extensions, which node alone does not resolve.
  ssr: { noExternal: [/^@jupyterlab\//, /^@jupyter\//, /^@lumino\//] }
});
