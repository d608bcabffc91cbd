using System.Globalization;
using System.Text.RegularExpressions;
using AdaptFormer.Reports;
using Xunit;

namespace AdaptFormer.Tests.Reports;

/// <summary>What a page's style sheet and scripts promise to every reader, whatever is on the page.</summary>
public sealed partial class PageStyleTests
{
    private static readonly string Page = ReportPage.Html(new ReportData("title", "command", [], [], [], null, null, null, [], null, null));
    private static readonly string[] Backgrounds = ["paper", "card"];

    /// <summary>Light, and what dark has in its place.</summary>
    public static TheoryData<string> Schemes => ["light", "dark"];

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Text_has_a_contrast_of_four_and_a_half(string scheme)
    {
        Dictionary<string, string> colours = Colours(scheme);
        foreach (string text in (string[])["ink", "soft", "accent", "right", "wrong"])
            foreach (string behind in Backgrounds) Least(4.5, colours[text], colours[behind], $"{scheme}: {text} on {behind}");
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Marks_in_charts_have_a_contrast_of_three(string scheme)
    {
        Dictionary<string, string> colours = Colours(scheme);
        string[] hues = [.. Enumerable.Range(1, 10).Select(i => colours[$"chart-{i}"])];
        Assert.Equal(10, hues.Distinct().Count());
        foreach (string hue in (string[])[.. hues, colours["right"], colours["wrong"]])
            foreach (string behind in Backgrounds) Least(3, hue, colours[behind], $"{scheme}: {hue} on {behind}");
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Numbers_stay_readable_on_the_strongest_tint_of_their_cell(string scheme)
    {
        Dictionary<string, string> colours = Colours(scheme);
        double most = double.Parse(colours["heat-most"].TrimEnd('%'), CultureInfo.InvariantCulture) / 100;
        foreach (string tint in (string[])["right", "wrong", "accent"])
        {
            double[] cell = [.. Rgb(colours[tint]).Zip(Rgb(colours["card"]), (a, b) => (most * a) + ((1 - most) * b))];
            double contrast = Contrast(Luminance(Rgb(colours["ink"])), Luminance(cell));
            Assert.True(contrast >= 4.5, FormattableString.Invariant($"{scheme}: ink on {tint} at {most} has {contrast:0.00}"));
        }
    }

    [Fact]
    public void Colours_stand_in_the_style_sheet_alone_and_scripts_ask_for_them()
    {
        string script = Script();
        Assert.DoesNotMatch("#[0-9a-fA-F]{6}\\b|hsla?\\(|rgba?\\(", script);
        Assert.Contains("prefers-color-scheme: dark", script, StringComparison.Ordinal);
        string[] asked = [.. Named().Matches(script).Cast<Match>().Select(match => match.Groups[1].Value).Distinct()];
        Assert.NotEmpty(asked);
        Assert.All(asked, name => Assert.Contains(name, Colours("light").Keys));
    }

    [Fact]
    public void There_is_one_place_that_draws_a_chart_and_it_describes_it_and_writes_its_figures()
    {
        foreach (string script in (string[])["report.js", "experiment.js"])
        {
            string text = Script(script);
            Assert.Single(Regex.Matches(text, "new Chart\\("));
            Assert.Single(Regex.Matches(text, "element\\(\"canvas\""));
            Assert.Contains("canvas.role = \"img\"", text, StringComparison.Ordinal);
            Assert.Contains("canvas.ariaLabel = ", text, StringComparison.Ordinal);
            Assert.Contains("grid(more(parent, \"The figures\"), table[0], table[1]", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_page_loads_nothing_and_speaks_without_scripts_too()
    {
        Assert.DoesNotMatch("(src|href)=|@import|url\\(", Page[..Page.IndexOf("<script>", StringComparison.Ordinal)]);
        Assert.DoesNotMatch("fetch\\(|XMLHttpRequest|import\\(|https?:", Script());
        Assert.Contains("<noscript>", Page, StringComparison.Ordinal);
        Assert.Contains("<html lang=\"en\">", Page, StringComparison.Ordinal);
    }

    // The last script of a page: Chart.js, a library of others, stands before it.
    private static string Script(string name = "report.js")
    {
        string page = name == "report.js" ? Page : ReportPage.Html("title", "{}", name);
        int start = page.LastIndexOf("<script>", StringComparison.Ordinal);
        return page[start..page.LastIndexOf("</script>", StringComparison.Ordinal)];
    }

    private static Dictionary<string, string> Colours(string scheme)
    {
        Match[] roots = [.. Root().Matches(Page).Cast<Match>()];
        Assert.Equal(2, roots.Length);
        Dictionary<string, string> values = [];
        foreach (Match root in scheme == "light" ? roots[..1] : roots)
            foreach (Match variable in Variable().Matches(root.Value).Cast<Match>()) values[variable.Groups[1].Value] = variable.Groups[2].Value;
        return values;
    }

    private static void Least(double least, string front, string back, string what)
    {
        double contrast = Contrast(Luminance(Rgb(front)), Luminance(Rgb(back)));
        Assert.True(contrast >= least, FormattableString.Invariant($"{what} has {contrast:0.00}"));
    }

    private static double[] Rgb(string hex) =>
        [.. Enumerable.Range(0, 3).Select(i => (double)int.Parse(hex.AsSpan(1 + (2 * i), 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    // Relative luminance and contrast as WCAG 2 defines them.
    private static double Luminance(double[] rgb)
    {
        double[] linear = [.. rgb.Select(v => v / 255).Select(v => v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4))];
        return (0.2126 * linear[0]) + (0.7152 * linear[1]) + (0.0722 * linear[2]);
    }

    private static double Contrast(double a, double b) => (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);

    [GeneratedRegex(":root \\{[^}]*\\}")]
    private static partial Regex Root();

    [GeneratedRegex("--([a-z0-9-]+): ([^;]+);")]
    private static partial Regex Variable();

    [GeneratedRegex("colour\\(\"([a-z0-9-]+)\"\\)")]
    private static partial Regex Named();
}
