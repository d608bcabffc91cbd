using AdaptFormer.Cli;
using AdaptFormer.Cli.Output;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>What a shell offers, asked as the functions of the user guide ask.</summary>
public sealed class SuggestionsTests
{
    [Theory]
    [InlineData("adaptformer tr", "train")]
    [InlineData("adaptformer train im", "image-folder")]
    [InlineData("adaptformer describe --model deit", "deit_tiny_patch16_224")]
    [InlineData("adaptformer describe --preset vp", "vpt")]
    [InlineData("adaptformer bench --method lo", "lora")]
    [InlineData("adaptformer convert --to ti", "timm")]
    [InlineData("adaptformer train --qu", "--quiet")]
    public async Task Names_are_offered(string line, string expected)
    {
        using StringWriter output = new();
        Assert.Equal(0, await Shell.RunAsync([$"[suggest:{line.Length}]", line], new Screen(output, TextWriter.Null, terminal: false)));
        Assert.Contains(expected, output.ToString().Split('\n').Select(word => word.Trim()));
    }
}
