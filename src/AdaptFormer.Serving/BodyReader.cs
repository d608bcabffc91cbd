using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace AdaptFormer.Serving;

/// <summary>Reads whole bodies, within the limits of one and of all that are in memory at one time.</summary>
/// <param name="options">The limits.</param>
internal sealed class BodyReader(ServerOptions options)
{
    private long _held;

    /// <summary>Bytes of bodies in memory.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <summary>Reads a request's body to its end.</summary>
    /// <exception cref="RefusedException">It is too large, comes too slowly, or memory for bodies is used up.</exception>
    public async Task<Body> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > options.MaxBodyBytes) throw TooLarge();
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(options.BodyTimeout);
        Body body = new(this);
        try
        {
            // Memory is taken as bytes come, not as a header promises them.
            PipeReader reader = request.BodyReader;
            MemoryStream whole = new();
            using CancellationTokenRegistration end = late.Token.Register(reader.CancelPendingRead);
            while (true)
            {
                ReadResult read = await reader.ReadAsync(cancellation).ConfigureAwait(false);
                long length = read.Buffer.Length;
                bool isTooLarge = whole.Length + length > options.MaxBodyBytes;
                foreach (ReadOnlyMemory<byte> part in isTooLarge ? default : read.Buffer) whole.Write(part.Span);
                reader.AdvanceTo(read.Buffer.End);       // whatever comes of it: the server drops the rest by reading on
                if (read.IsCanceled) throw TooSlow();
                if (isTooLarge) throw TooLarge();
                body.Hold(length);
                if (read.IsCompleted) break;
            }

            body.Content = whole.GetBuffer().AsMemory(0, (int)whole.Length);
            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    private RefusedException TooSlow() => new(
        StatusCodes.Status408RequestTimeout, $"The body did not come within {options.BodyTimeout.TotalSeconds:0.#} s.");

    private RefusedException TooLarge() => new(
        StatusCodes.Status413PayloadTooLarge, $"The body is larger than the {options.MaxBodyBytes} bytes that this server takes.");

    /// <summary>A body in memory, counted until it is disposed.</summary>
    internal sealed class Body(BodyReader owner) : IDisposable
    {
        private long _bytes;

        public ReadOnlyMemory<byte> Content { get; set; }

        public void Hold(long bytes)
        {
            _bytes += bytes;
            if (Interlocked.Add(ref owner._held, bytes) > owner.Limit)
                throw new RefusedException(StatusCodes.Status503ServiceUnavailable, "Too many requests are being read; ask again later.");
        }

        public void Dispose() => Interlocked.Add(ref owner._held, -Interlocked.Exchange(ref _bytes, 0));
    }

    private long Limit => options.MaxBodiesBytes;
}
