using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AdaptFormer.Serving;

/// <summary>The page at <c>/</c>: a picture or clip in, the answers of all tasks side by side. It loads nothing from elsewhere.</summary>
internal static class TryOutPage
{
    private const string Policy = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action "
        + "'none'; frame-ancestors 'none'";

    private static readonly (string Path, string File, string Type)[] Files =
    [
        ("/", "index.html", "text/html; charset=utf-8"), ("/page.css", "page.css", "text/css; charset=utf-8"),
        ("/page.js", "page.js", "text/javascript; charset=utf-8"), ("/favicon.svg", "favicon.svg", "image/svg+xml"),
    ];

    /// <summary>Adds the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach ((string path, string file, string type) in Files)
        {
            byte[] content = Read(file);
            routes.MapGet(path, (HttpContext context) =>
            {
                context.Response.Headers.ContentSecurityPolicy = Policy;
                context.Response.Headers.CacheControl = "no-cache";
                return Results.Bytes(content, type);
            }).ExcludeFromDescription();
        }
    }

    private static byte[] Read(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"AdaptFormer.Serving.Page.{file}")!;
        using MemoryStream content = new();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
