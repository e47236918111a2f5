import type { FastifyInstance } from 'fastify'
import type { Generator } from './generator.ts'

const source = 'src/api/app.ts'

/** `schema/openapi.json`: the HTTP API, made from the routes and schemas by which requests are checked. */
export const openApi: Generator = {
  path: 'schema/openapi.json',
  needs: [source],
  make: openApiText,
}

/** Loaded when it is needed, as the other generators do. */
async function openApiText(): Promise<string> {
  const [{ makeApp }, { Access }, { default: swagger }] = await Promise.all([
    import('../../src/api/app.ts'),
    import('../../src/api/access.ts'),
    import('@fastify/swagger'),
  ])
  // Nothing is asked of it: its routes are all that counts.
  const means = { access: new Access({ host: 'localhost' }) } as unknown as Parameters<typeof makeApp>[0]
  const app = await makeApp(means, async (fastify: FastifyInstance) => {
    await fastify.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Vertigo',
          description:
            'What a node of a cluster answers over HTTP. Any node answers for the whole cluster. Errors have one form; their codes are in docs/reference/errors.md.',
          version: 'v1',
        },
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{}, { token: [] }],
      },
      refResolver: {
        buildLocalReference: (json, _, __, at) =>
          typeof json['$id'] === 'string' ? json['$id'] : `def-${at}`,
      },
    })
  })
  try {
    const document = (app as unknown as { swagger(): object }).swagger()
    return `${JSON.stringify(document, null, 2)}\n`
  } finally {
    await app.close()
  }
}
