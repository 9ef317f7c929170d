//! Typed documents from the API's SDL. The output is committed; `npm run codegen:check` fails when it has drifted.
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../schemas/graphql/schema.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/shared/gql/**'],
  ignoreNoDocuments: true,
  generates: {
    './src/shared/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: { unmaskFunctionName: 'readFragment' } },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { DateTime: 'string', ID: 'string' },
        strictScalars: true,
      },
    },
  },
};

export default config;
