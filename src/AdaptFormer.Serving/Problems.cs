using System.Text.Json;
using AdaptFormer.Inference;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace AdaptFormer.Serving;

/// <summary>A request that is answered with a status and a reason.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">The reason, for the client.</param>
internal sealed class RefusedException(int status, string message) : Exception(message)
{
    public int Status => status;
}

/// <summary>From what went wrong to what a client is told.</summary>
internal static class Problems
{
    /// <summary>Seconds after which a client that was told to come again may.</summary>
    public const string RetryAfter = "1";

    /// <summary>The status and the reason of an exception; 500 for one that nobody foresaw.</summary>
    public static (int Status, string Message) Of(Exception error) => error switch
    {
        RefusedException refused => (refused.Status, refused.Message),
        UnknownTaskException => (StatusCodes.Status404NotFound, error.Message),
        BankBusyException or TimeoutException => (StatusCodes.Status503ServiceUnavailable, error.Message),
        ObjectDisposedException => (StatusCodes.Status503ServiceUnavailable, "The server is ending; ask another one."),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } =>
            (StatusCodes.Status413PayloadTooLarge, "The body is larger than this server takes."),
        BadHttpRequestException bad => (bad.StatusCode, bad.Message),
        InvalidOperationException { Source: { } source } when source.StartsWith("System.Text.Json", StringComparison.Ordinal) =>
            (StatusCodes.Status400BadRequest, "A text of the JSON is not Unicode."),
        JsonException => (StatusCodes.Status400BadRequest, $"The JSON cannot be read: {error.Message}"),
        InvalidDataException => (StatusCodes.Status422UnprocessableEntity, error.Message),
        NotSupportedException => (StatusCodes.Status422UnprocessableEntity, error.Message),      // a clip where there is no ffmpeg
        ArgumentException => (StatusCodes.Status400BadRequest, error.Message),
        _ => (StatusCodes.Status500InternalServerError, "The server failed; its log says why."),
    };

    /// <summary>The same as a status of gRPC.</summary>
    public static RpcException ToRpc(Exception error)
    {
        (int status, string message) = Of(error);
        StatusCode code = status switch
        {
            400 or 415 or 422 => StatusCode.InvalidArgument,
            401 => StatusCode.Unauthenticated,
            403 => StatusCode.PermissionDenied,
            404 => StatusCode.NotFound,
            408 => StatusCode.DeadlineExceeded,
            413 => StatusCode.ResourceExhausted,
            503 => StatusCode.Unavailable,
            _ => StatusCode.Internal,
        };
        return new RpcException(new Status(code, message));
    }

    /// <summary>Writes the answer to a request that failed.</summary>
    public static async Task WriteAsync(HttpContext context, int status, string message)
    {
        if (context.Response.HasStarted) return;
        context.Response.Clear();
        context.Response.StatusCode = status;
        if (status == StatusCodes.Status503ServiceUnavailable) context.Response.Headers.RetryAfter = RetryAfter;
        if (status == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Bearer";
        await context.Response.WriteAsJsonAsync(new ErrorBody(message), Wire.TypeOf<ErrorBody>(), "application/json").ConfigureAwait(false);
    }
}
