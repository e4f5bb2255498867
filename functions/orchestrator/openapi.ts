import scenarioSchema from '#lib/scenario/scenario.schema.json' with { type: 'json' };
import sourceSchema from '#lib/source/source.schema.json' with { type: 'json' };
import document from './openapi.json' with { type: 'json' };
import sources from './source-openapi.json' with { type: 'json' };

/** The OpenAPI document with the schemas of scenarios and sources among its components. */
export function openApiDocument(): object {
  const own = { ...document.components.schemas, ...sources.schemas };
  const schemas = { ...movedSchemas(scenarioSchema), ...movedSchemas(sourceSchema), ...own };
  return {
    ...document,
    tags: [...document.tags, ...sources.tags],
    paths: { ...document.paths, ...sources.paths },
    components: { ...document.components, schemas },
  };
}

/** A schema's definitions, referring to each other at their place in an OpenAPI document. */
function movedSchemas(schema: { readonly $defs: object }): Record<string, object> {
  const text = JSON.stringify(schema.$defs).replace(/"(urn:thebox:scenario)?#\/\$defs\//g, '"#/components/schemas/');
  return JSON.parse(text) as Record<string, object>;
}
