using System.Diagnostics;
using Xunit;
using Provider = AdaptFormer.Tensors.Backends.OneDnn.OneDnn;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>
/// The search for the library happens once in a process, so each case runs this test again in a process of its own, with another
/// environment.
/// </summary>
public sealed class OneDnnLoadingTests
{
    private const string ExpectedVariable = "ADAPTFORMER_TEST_EXPECTED_WHY";

    [Theory]
    [InlineData("ADAPTFORMER_ONEDNN", "/nowhere/libdnnl.so", "could not be loaded from '/nowhere/libdnnl.so'")]
    [InlineData("ADAPTFORMER_BACKEND", "managed", "is not used: ADAPTFORMER_BACKEND is 'managed'")]
    [InlineData("ADAPTFORMER_NATIVE", "off", "oneDNN is hidden: ADAPTFORMER_NATIVE is 'off'")]
    public void Without_the_library_the_reason_is_one_sentence(string variable, string value, string expected) =>
        RunAgain(variable, value, expected);

    [Fact]
    public void A_library_that_is_not_oneDNN_is_said_to_be_none()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The example is Linux's C library.");
        RunAgain("ADAPTFORMER_ONEDNN", "libc.so.6", "libc.so.6 is not oneDNN");
    }

    [Fact]
    public void What_was_found_or_is_missing_is_said_in_one_sentence()
    {
        string? expected = Environment.GetEnvironmentVariable(ExpectedVariable);
        if (expected is not null)
        {
            Assert.False(Provider.Available);
            Assert.Null(Provider.Version);
            Assert.False(Provider.BlockedBFloat16);
            Assert.Null(Provider.Library);
            Assert.Contains(expected, Provider.Why, StringComparison.Ordinal);
        }
        else if (Provider.Available)
        {
            Assert.Contains($"oneDNN {Provider.Version}", Provider.Why, StringComparison.Ordinal);
            Assert.Equal($"oneDNN {Provider.Version}", Provider.Library!.Name);
        }

        Assert.DoesNotContain("test product", Provider.Why, StringComparison.Ordinal); // a library that computes nonsense must not pass as absent
        Assert.EndsWith(".", Provider.Why, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', Provider.Why);
    }

    private static void RunAgain(string variable, string value, string expected)
    {
        string program = Environment.ProcessPath!;
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(typeof(OneDnnLoadingTests).Assembly.Location);
        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"{typeof(OneDnnLoadingTests).FullName}.{nameof(What_was_found_or_is_missing_is_said_in_one_sentence)}");
        start.Environment.Remove("ADAPTFORMER_ONEDNN");
        start.Environment.Remove("ADAPTFORMER_BACKEND");
        start.Environment.Remove("ADAPTFORMER_NATIVE");
        start.Environment[variable] = value;
        start.Environment[ExpectedVariable] = expected;

        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        Assert.True(child.WaitForExit(300_000), "The child process did not end.");
        Assert.True(child.ExitCode == 0, output + errors.Result);
        Assert.Contains("Total: 1,", output, StringComparison.Ordinal);
    }
}
