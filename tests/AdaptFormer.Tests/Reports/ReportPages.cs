using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace AdaptFormer.Tests.Reports;

/// <summary>What pages hold, and whether a browser can draw them.</summary>
internal static partial class ReportPages
{
    /// <summary>The data of a page.</summary>
    public static JsonElement Data(string page) => JsonDocument.Parse(DataScript().Match(page).Groups[1].Value).RootElement;

    /// <summary>Opens a page in the browser that ADAPTFORMER_BROWSER names, for example <c>chromium</c>; without one, a warning says that it was not opened.</summary>
    public static void DrawsItself(string path)
    {
        if (Environment.GetEnvironmentVariable("ADAPTFORMER_BROWSER") is not { Length: > 0 } browser)
        {
            TestContext.Current.AddWarning($"{Path.GetFileName(path)} was not opened in a browser: set ADAPTFORMER_BROWSER, for example to chromium.");
            return;
        }

        ProcessStartInfo start = new(browser) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["--headless=new", "--no-sandbox", "--disable-gpu", $"--user-data-dir={path}.profile", "--dump-dom", new Uri(path).AbsoluteUri]) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        string drawn = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        // Every chart says what it shows, to those who do not see it too, and its figures follow as a table.
        Assert.Equal(Regex.Count(drawn, "<canvas "), Regex.Count(drawn, "<canvas [^>]*role=\"img\"[^>]*aria-label=\"[^\"]{20,}\"|<canvas [^>]*aria-label=\"[^\"]{20,}\"[^>]*role=\"img\""));
        Assert.Equal(Regex.Count(drawn, "<canvas "), Regex.Count(drawn, "<summary>The figures</summary><div [^>]*><table"));

        // The last line of a page's script says so: an error anywhere before leaves it out.
        Assert.Contains("data-drawn=\"whole\"", drawn, StringComparison.Ordinal);
    }

    [GeneratedRegex("<script type=\"application/json\" id=\"data\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex DataScript();
}
