using Spectre.Console.Rendering;

namespace AdaptFormer.Cli.Output;

/// <summary>Wipes each line of a terminal before it is written: above a moving bar, text takes the place where the bar was.</summary>
/// <param name="inner">What is written.</param>
internal sealed class Erasing(IRenderable inner) : Renderable
{
    private const string EraseLine = "\u001b[2K";

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        bool fresh = true;
        foreach (Segment segment in inner.Render(options, maxWidth))
        {
            if (fresh) yield return Segment.Control(EraseLine);
            fresh = segment.IsLineBreak;
            yield return segment;
        }
    }
}
