using AdaptFormer.Cli.Output;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

public sealed class FormatTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.00 kB")]
    [InlineData(4_814_352, "4.81 MB")]
    [InlineData(99_960, "100 kB")]
    [InlineData(999_600, "1.00 MB")]
    [InlineData(2_100_000_000, "2.10 GB")]
    public void Bytes_have_three_digits(long bytes, string text) => Assert.Equal(text, Format.Bytes(bytes));

    [Theory]
    [InlineData(0, "0.00 k")]
    [InlineData(5_058_560, "5.06 M")]
    [InlineData(999_994, "999.99 k")]
    [InlineData(999_995, "1.00 M")]
    [InlineData(999_994_999, "999.99 M")]
    [InlineData(999_995_000, "1.00 G")]
    [InlineData(17_582_740_224, "17.58 G")]
    public void Operations_have_two_decimals(long macs, string text) => Assert.Equal(text, Format.Macs(macs));

    [Theory]
    [InlineData(0.04, "0.0 s")]
    [InlineData(59.94, "59.9 s")]
    [InlineData(59.96, "1 min 00 s")]
    [InlineData(252, "4 min 12 s")]
    [InlineData(11_100, "3 h 05 min")]
    [InlineData(double.NaN, "?")]
    public void Durations_are_read_at_a_glance(double seconds, string text) => Assert.Equal(text, Format.Duration(seconds));

    [Fact]
    public void An_absurd_duration_does_not_throw() => Assert.EndsWith("min", Format.Duration(1e300), StringComparison.Ordinal);

    [Fact]
    public void Parameters_are_grouped_and_shares_rounded()
    {
        Assert.Equal("1,189,632", Format.Count(1_189_632));
        Assert.Equal("1.37 %", Format.Share(1_189_632, 86_988_388));
        Assert.Equal("-", Format.Percent(null));
    }
}
