using AdaptFormer.Reports;
using AdaptFormer.Runs;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Reports;

/// <summary>A page that is open while its reader's system changes between light and dark.</summary>
public sealed class SchemeSwitchTests
{
    private const string Charts = "[...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join(' ')";
    private const string Words = "Chart.defaults.color + ' ' + getComputedStyle(document.body).color";

    [Fact]
    public async Task Charts_and_words_follow_the_system_between_light_and_dark_and_back()
    {
        using TempFolder folder = new();
        EpochRecord[] epochs = [.. Enumerable.Range(1, 3).Select(i => new EpochRecord(i, 2.0 / i, 50 + i, 2.5 / i, 40 + (5 * i), 80, 0.1, 12, 0, 3))];
        string path = folder["report.html"];
        ReportPage.Write(path, new ReportData("run", "adaptformer train", [], epochs, ["a", "b"], null, null, null, [], null, null));
        await using Browser page = await Browser.Open(path);

        await page.Scheme("light");
        Assert.Equal("whole", await page.Ask("document.documentElement.dataset.drawn"));
        (string charts, string words) light = (await page.Ask(Charts), await page.Ask(Words));
        await page.Scheme("dark");
        (string charts, string words) dark = (await page.Ask(Charts), await page.Ask(Words));
        await page.Scheme("light");
        (string charts, string words) again = (await page.Ask(Charts), await page.Ask(Words));

        Assert.StartsWith("data:image/png", light.charts);
        Assert.NotEqual(light.charts, dark.charts);
        Assert.NotEqual(light.words, dark.words);
        Assert.Equal(light, again);
    }
}
