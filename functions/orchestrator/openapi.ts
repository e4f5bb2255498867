import scenarioSchema from '#lib/scenario/scenario.schema.json' with { type: 'json' };
import document from './openapi.json' with { type: 'json' };

/** The OpenAPI document with the schema of scenarios among its components. */
export function openApiDocument(): object {
  const schemas = { ...movedSchemas(), ...document.components.schemas };
  return { ...document, components: { ...document.components, schemas } };
}

/** The schema's definitions, referring to each other at their place in an OpenAPI document. */
function movedSchemas(): Record<string, object> {
  const text = JSON.stringify(scenarioSchema.$defs).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text) as Record<string, object>;
}
