/** The API reference: Swagger UI on our own files, over the description this server gives. */

interface SwaggerWindow {
  SwaggerUIBundle(options: Record<string, unknown>): unknown;
}

(window as unknown as SwaggerWindow).SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  tryItOutEnabled: true,
});
