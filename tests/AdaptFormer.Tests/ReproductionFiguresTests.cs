using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace AdaptFormer.Tests;

/// <summary>The pictures of docs/reproduction.md, which tools/figures/figures.py draws from its tables.</summary>
public sealed partial class ReproductionFiguresTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "docs");
    private static readonly string Document = File.ReadAllText(Path.Combine(Folder, "reproduction.md"));

    /// <summary>The paper's figures that are drawn beside ours.</summary>
    public static TheoryData<int> Figures => [1, 4, 5, 6, 7];

    [Theory]
    [MemberData(nameof(Figures))]
    public void A_figure_is_linked_says_its_points_in_words_and_every_point_stands_in_a_table(int figure)
    {
        string file = Path.Combine(Folder, "images", $"figure-{figure}.svg"), name = $"images/figure-{figure}.svg";
        Assert.Matches($@"!\[[^\]]{{20,}}\]\({Regex.Escape(name)}\)", Document);
        XElement svg = XDocument.Load(file).Root!;
        XNamespace ns = "http://www.w3.org/2000/svg";
        Assert.Equal(ns + "svg", svg.Name);
        Assert.False(string.IsNullOrWhiteSpace(svg.Element(ns + "title")?.Value));
        string words = svg.Element(ns + "desc")!.Value;
        string[] cells = [.. Document.Split('\n').Where(line => line.StartsWith('|')).SelectMany(line => Number().Matches(line).Select(match => match.Value.TrimEnd('0').TrimEnd('.')))];
        string[] points = [.. Point().Matches(words).Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(points);
        Assert.All(points, point => Assert.Contains(point.Contains('.', StringComparison.Ordinal) ? point : point.TrimEnd('0'), cells));
        Assert.Equal(points.Length, svg.Descendants(ns + "path").Count(IsMark) - LegendMarks(svg, ns));
        Assert.DoesNotMatch("href|<image|<script|@import|url\\(", File.ReadAllText(file));
    }

    // A mark is a closed shape of a series' colour; whiskers have a width of their own and are open.
    private static bool IsMark(XElement path) => path.Attribute("class")?.Value is ['c', ..] && path.Attribute("d")!.Value is [.., 'z' or '0'];

    // Every series has one mark in the legend, right before its name.
    private static int LegendMarks(XElement svg, XNamespace ns) =>
        svg.Elements(ns + "path").Count(path => IsMark(path) && path.ElementsAfterSelf().FirstOrDefault() is { } next && next.Name == ns + "text" && next.Attribute("y") is not null && next.Attribute("class") is null);

    [GeneratedRegex(@"\d[\d,]*(?:\.\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex(@"→ ([0-9]+(?:\.[0-9]+)?)")]
    private static partial Regex Point();
}
