using Xunit;
using Xunit.Sdk;

namespace AdaptFormer.Tests.Files;

/// <summary>Checkpoints that no test names: all that lie in a folder, this repository's or the one that <c>ADAPTFORMER_FIXTURES</c> names.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    /// <summary>All checkpoints of the folder.</summary>
    public static TheoryData<string> Names => CheckpointFolder.Given is { } folder ? [.. CheckpointFolder.Names(folder)] : [];

    public void Dispose() => _folder.Dispose();

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Names))]
    public void Every_checkpoint_of_the_folder_is_read_or_refused_as_its_name_says(string name) => CheckpointFolder.Check(CheckpointFolder.Given!, name);

    [Theory]
    [InlineData("brought.pth")]
    [InlineData("brought.bin")]
    public void A_checkpoint_under_a_name_that_nothing_knows_is_held_to_its_neighbour(string name)
    {
        Bring("timm_vit_zip.pth", name);
        Bring("timm_vit.expected.safetensors", "brought.expected.safetensors");
        CheckpointFolder.Check(_folder.PathOf(""), name);

        // Another checkpoint's numbers are noticed.
        Bring("mixed_dtypes.expected.safetensors", "brought.expected.safetensors");
        Assert.ThrowsAny<XunitException>(() => CheckpointFolder.Check(_folder.PathOf(""), name));
    }

    [Fact]
    public void What_is_called_bad_has_to_be_refused()
    {
        Bring("timm_vit_zip.pth", "bad_but_good.pth");
        Assert.ThrowsAny<XunitException>(() => CheckpointFolder.Check(_folder.PathOf(""), "bad_but_good.pth"));
        Bring("corrupt_truncated_zip.pth", "corrupt_too.pth");
        CheckpointFolder.Check(_folder.PathOf(""), "corrupt_too.pth");
    }

    private void Bring(string fixture, string name) =>
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "checkpoints", fixture), _folder.PathOf(name), overwrite: true);
}
