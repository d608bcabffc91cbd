using Microsoft.AspNetCore.Builder;
using Microsoft.OpenApi;

namespace AdaptFormer.Serving;

/// <summary>
/// What requests hold, for the OpenAPI document alone: routing must not refuse by it, for then there would be no reason in the answer.
/// </summary>
internal static class OpenApiBodies
{
    extension(RouteHandlerBuilder route)
    {
        /// <summary>A picture or clip as its bytes, or JSON with them in base64.</summary>
        public RouteHandlerBuilder TakesPictures() => route.AddOpenApiOperationTransformer((operation, _, _) =>
        {
            OpenApiSchema json = new()
            {
                Type = JsonSchemaType.Object,
                Required = new HashSet<string> { "inputs" },
                Properties = new Dictionary<string, IOpenApiSchema>
                {
                    ["inputs"] = new OpenApiSchema
                    { Type = JsonSchemaType.String, Format = "byte", Description = "The picture or clip in base64." },
                    ["parameters"] = new OpenApiSchema
                    {
                        Type = JsonSchemaType.Object,
                        Properties = new Dictionary<string, IOpenApiSchema>
                        { ["top_k"] = new OpenApiSchema { Type = JsonSchemaType.Integer } },
                    },
                },
            };
            OpenApiSchema bytes = new() { Type = JsonSchemaType.String, Format = "binary" };
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/octet-stream"] = new()
                    { Schema = bytes },
                    ["image/*"] = new() { Schema = bytes },
                    ["video/*"] = new() { Schema = bytes },
                    ["application/json"] = new() { Schema = json },
                },
            };
            return Task.CompletedTask;
        });

        /// <summary>A question of the Open Inference Protocol.</summary>
        public RouteHandlerBuilder TakesInferRequest() => route.AddOpenApiOperationTransformer(async (operation, context, cancellation) =>
        {
            OpenApiSchema schema = await context.GetOrCreateSchemaAsync(typeof(InferRequest), null, cancellation).ConfigureAwait(false);
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new() { Schema = schema } },
            };
        });
    }
}
