using System.Text;

namespace AdaptFormer.Cli.Output;

/// <summary>In place of a stdout that the caller closed: every line fails, as on a full disk, so that what is lost is said.</summary>
internal sealed class ClosedWriter : TextWriter
{
    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => throw new IOException("it is closed");

    public override void Write(string? value) => throw new IOException("it is closed");
}
