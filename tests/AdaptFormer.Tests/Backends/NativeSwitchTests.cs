using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Cli;
using Xunit;

namespace AdaptFormer.Tests.Backends;

public sealed class NativeSwitchTests
{
    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("on", false)]
    [InlineData("off", true)]
    [InlineData(" OFF ", true)]
    public void Off_hides_and_anything_else_that_is_known_does_not(string? value, bool off) => Assert.Equal(off, NativeSwitch.IsOff(value));

    [Fact]
    public void A_value_that_means_nothing_is_refused()
    {
        string message = Assert.Throws<ArgumentException>(() => NativeSwitch.IsOff("0")).Message;
        Assert.Equal("The environment variable ADAPTFORMER_NATIVE is '0'; expected 'off' (hide all optional native libraries) or 'on'.", message);
    }

    [Fact]
    public async Task One_variable_hides_every_optional_library_from_the_program_and_doctor_says_so()
    {
        CliOutcome hidden = await CliProgram.Run(new Dictionary<string, string> { [NativeSwitch.Variable] = "off" }, "doctor", "--json");
        Assert.True(hidden.Code == 0, hidden.Error);
        Assert.Contains("managed", hidden.Json[0].GetProperty("machine").GetProperty("backend").GetString(), StringComparison.Ordinal);
        // SkiaSharp is a package of the program, not a library of the system.
        Assert.All(hidden.Json[0].GetProperty("optional").EnumerateArray().Where(tool => tool.GetProperty("name").GetString() != "libSkiaSharp"), tool =>
        {
            Assert.False(tool.GetProperty("found").GetBoolean(), tool.ToString());
            Assert.Contains("hidden: ADAPTFORMER_NATIVE is 'off'", tool.GetProperty("detail").GetString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_program_with_a_value_that_means_nothing_does_not_start()
    {
        CliOutcome refused = await CliProgram.Run(new Dictionary<string, string> { [NativeSwitch.Variable] = "none" }, "doctor");
        Assert.Equal(2, refused.Code);
        Assert.Contains("ADAPTFORMER_NATIVE is 'none'", refused.Error, StringComparison.Ordinal);
    }
}
