import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import swaggerUiFolder from 'swagger-ui-dist/absolute-path.js';
import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionResponse, Route } from '#lib/function/route.ts';
import { openApiDocument } from './openapi.ts';

/** Nothing but what this function serves, and styles and pictures that Swagger UI has inline. */
const CONTENT_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/** The files of the page: what they hold and where it comes from. */
const FILES: Readonly<Record<string, { readonly type: string; readonly read: () => Promise<Buffer> }>> = {
  'swagger-ui.css': { type: 'text/css; charset=utf-8', read: () => packaged('swagger-ui.css') },
  'swagger-ui-bundle.js': { type: 'text/javascript; charset=utf-8', read: () => packaged('swagger-ui-bundle.js') },
  'start.js': { type: 'text/javascript; charset=utf-8', read: async () => Buffer.from(START) },
};

/** `/openapi.json`, and the page that shows it. Open to all: they hold nothing of the appliance's own. */
export function docsRoutes(): Route[] {
  const openApi = JSON.stringify(openApiDocument());
  return [
    {
      method: 'GET',
      path: '/openapi.json',
      access: 'open',
      handle: async () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: openApi }),
    },
    { method: 'GET', path: '/docs', access: 'open', handle: async ({ path }) => page(path) },
    { method: 'GET', path: '/docs/:file', access: 'open', handle: async ({ params }) => file(params.file ?? '') },
  ];
}

/**
 * The page. Its addresses are relative, because only the caller knows the path before the function's name; what they are
 * relative to depends on whether the page was asked for with a slash at the end.
 */
function page(path: string): FunctionResponse {
  const root = path.endsWith('/') ? '../' : './';
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CONTENT_POLICY },
    body: `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>The Box: orchestrator</title>
    <link rel="stylesheet" href="${root}docs/swagger-ui.css">
  </head>
  <body>
    <div id="page" data-document="${root}openapi.json"></div>
    <script src="${root}docs/swagger-ui-bundle.js"></script>
    <script src="${root}docs/start.js"></script>
  </body>
</html>
`,
  };
}

const START = `const page = document.getElementById('page');
SwaggerUIBundle({
  domNode: page,
  url: new URL(page.dataset.document, location.href).href,
  validatorUrl: null,
  persistAuthorization: false,
});
`;

async function file(name: string): Promise<FunctionResponse> {
  const known = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (known === undefined) throw new BoxError('not_found', `Cannot find ${name}: the page has no such file`);
  return {
    status: 200,
    headers: { 'content-type': known.type, 'cache-control': 'max-age=86400' },
    body: await known.read(),
  };
}

function packaged(name: string): Promise<Buffer> {
  return readFile(join(swaggerUiFolder(), name));
}
