using Microsoft.AspNetCore.Http;

namespace AdaptFormer.Serving;

/// <summary>Whether a request may do what it asks, by the key that it brings: <c>Authorization: Bearer KEY</c> or <c>X-API-Key:
/// KEY</c>.</summary>
/// <param name="keys">The keys; everybody may everything if null.</param>
internal sealed class Access(ApiKeys? keys)
{
    private const string Bearer = "Bearer ";

    /// <summary>Throws unless the request may ask a task.</summary>
    /// <exception cref="RefusedException">It may not.</exception>
    public void Require(HttpContext context, string task)
    {
        if (!Allows(context, task)) throw new RefusedException(StatusCodes.Status403Forbidden, $"This key may not ask the task '{task}'.");
    }

    /// <summary>Whether the request may ask a task.</summary>
    /// <exception cref="RefusedException">It brings no key that is known.</exception>
    public bool Allows(HttpContext context, string task) => keys is null || ApiKeys.Allow(TasksOf(context), task);

    /// <summary>Throws unless the request may see everything, such as the metrics of all tasks.</summary>
    /// <exception cref="RefusedException">It may not.</exception>
    public void RequireAll(HttpContext context)
    {
        if (keys is not null && !ApiKeys.AllowAll(TasksOf(context)))
            throw new RefusedException(StatusCodes.Status403Forbidden, "This needs a key for all tasks.");
    }

    /// <summary>Throws unless the request brings a key.</summary>
    /// <exception cref="RefusedException">It does not.</exception>
    public void RequireKey(HttpContext context)
    {
        if (keys is not null) TasksOf(context);
    }

    private IReadOnlySet<string> TasksOf(HttpContext context)
    {
        string? header = context.Request.Headers.Authorization;
        string? key = header?.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) == true
            ? header[Bearer.Length..].Trim() : context.Request.Headers["X-API-Key"];
        return keys!.TasksOf(key) ?? throw new RefusedException(
            StatusCodes.Status401Unauthorized, "A key is needed: send 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.");
    }
}
