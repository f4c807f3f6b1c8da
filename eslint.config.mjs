// Lint rules, among them the direction of imports between rooms (ARCHITECTURE.md): arrows run downwards only.
import tseslint from 'typescript-eslint';

/** Which rooms a room may import; every room may import itself, `shared` and `tensor`. */
const rooms = {
  tensor: [],
  shared: null,
  onnx: [],
  autodiff: ['onnx'],
  tfjs: ['onnx'],
  runtime: ['autodiff', 'onnx', 'tfjs'],
  data: [],
  unlearn: ['runtime', 'data'],
  evaluate: ['runtime', 'data', 'onnx'],
  job: ['evaluate', 'unlearn', 'data', 'runtime', 'tfjs', 'autodiff', 'onnx'],
  client: [],
  solver: ['client', 'job', 'evaluate', 'unlearn', 'data', 'runtime', 'tfjs', 'autodiff', 'onnx'],
  cli: ['client', 'solver', 'job', 'evaluate', 'unlearn', 'data', 'runtime', 'tfjs', 'autodiff', 'onnx'],
  extension: ['client'],
};
const everyRoom = Object.keys(rooms);

const roomRules = everyRoom.map(room => {
  const allowed = rooms[room];
  const reachable = allowed === null ? [room] : [room, 'shared', 'tensor', ...allowed];
  const forbidden = everyRoom.filter(other => !reachable.includes(other));
  return {
    files: [`src/${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            ...(room === 'extension'
              ? []
              : [{ name: 'vscode', message: 'Only src/extension imports vscode.' }]),
            ...(['runtime', 'solver'].includes(room)
              ? []
              : [{ name: 'onnxruntime-node', message: 'ONNX Runtime lives in src/runtime.' }]),
          ],
          patterns: forbidden.map(other => ({
            group: [`**/${other}/**`],
            message: `The room ${room} may not import ${other}: see ARCHITECTURE.md.`,
          })),
        },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'bench/results/', 'test/artifacts/', '.vscode-test/'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      'no-restricted-exports': [
        'error',
        { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } },
      ],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['src/shared/**/*.ts'], rules: {} },
  ...roomRules,
);
