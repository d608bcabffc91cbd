using System.Text;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// A writer that outlives its end: when the disk behind stdout is full or stdout is closed, that is told once, and the rest goes
/// nowhere. A training must not die of what it has to say.
/// </summary>
/// <param name="inner">Where text goes.</param>
/// <param name="lost">Told once, when nothing can be written any more.</param>
internal sealed class GuardedWriter(TextWriter inner, Action<Exception> lost) : TextWriter
{
    private bool _lost;

    /// <summary>Whether text was lost.</summary>
    public bool Lost => Volatile.Read(ref _lost);

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(inner.Write, value);

    public override void Write(string? value) => Try(inner.Write, value);

    public override void Write(char[] buffer, int index, int count) => Try(inner.Write, new string(buffer, index, count));

    public override void WriteLine(string? value) => Try(inner.WriteLine, value);

    public override void Flush() => Try(_ => inner.Flush(), 0);

    private void Try<T>(Action<T> write, T value)
    {
        if (Lost) return;
        try
        {
            write(value);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            if (!Interlocked.Exchange(ref _lost, true)) lost(error);
        }
    }
}
