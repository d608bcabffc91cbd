using System.Net;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using AdaptFormer.Files;

namespace AdaptFormer.Reports;

/// <summary>A report as one HTML file: data, style, drawing code and chart library (Chart.js, MIT) in it, so that it opens anywhere
/// without a network.</summary>
public static class ReportPage
{
    /// <summary>Writes the page, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="data">What it shows.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ReportData data) => AtomicFile.WriteAllText(path, Html(data));

    /// <summary>The page.</summary>
    public static string Html(ReportData data) => Html(data.Title, data.ToJson(), "report.js");

    /// <summary>A page of any kind.</summary>
    /// <param name="title">Its heading.</param>
    /// <param name="json">Its data, with <c>facts</c> for the head; no sign in it may end a script.</param>
    /// <param name="script">The part that draws them.</param>
    internal static string Html(string title, string json, string script) => Fill(Part("report.html"), new()
    {
        ["TITLE"] = WebUtility.HtmlEncode(title),
        ["STYLE"] = Part("report.css"),
        ["CHARTS"] = Part("chart.umd.min.js"),
        ["SCRIPT"] = Part("page.js") + Part(script),
        ["DATA"] = json,
    });

    /// <summary>JSON in which no sign ends a script.</summary>
    internal static string Safe(string json) => json.Replace("<", "\\u003c", StringComparison.Ordinal);

    // One pass, so that what is filled in is never searched for further marks.
    private static string Fill(string template, Dictionary<string, string> parts)
    {
        StringBuilder page = new();
        int at = 0;
        foreach (Match mark in Regex.Matches(template, "\\{\\{([A-Z]+)\\}\\}"))
        {
            page.Append(template, at, mark.Index - at).Append(parts[mark.Groups[1].Value]);
            at = mark.Index + mark.Length;
        }

        return page.Append(template, at, template.Length - at).ToString();
    }

    private static string Part(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"AdaptFormer.Reports.Page.{name}")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
