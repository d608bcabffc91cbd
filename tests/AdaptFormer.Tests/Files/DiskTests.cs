using AdaptFormer.Files;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class DiskTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Folders_are_made_with_their_parents_and_deleted_with_what_is_in_them_but_not_with_what_links_lead_to()
    {
        string outside = _folder.Write("outside.txt", "x"u8), made = Path.Combine(_folder.PathOf("a"), "b", "c");
        Assert.Equal(made, Disk.CreateFolder(made));
        Assert.Equal(made, Disk.CreateFolder(made));
        File.WriteAllText(Path.Combine(made, "f"), "x");
        Directory.CreateDirectory(_folder.PathOf("elsewhere"));
        File.WriteAllText(Path.Combine(_folder.PathOf("elsewhere"), "kept"), "x");
        Directory.CreateSymbolicLink(Path.Combine(made, "link"), _folder.PathOf("elsewhere"));
        Disk.DeleteFolder(_folder.PathOf("a"));
        Disk.DeleteFolder(_folder.PathOf("a"));
        Assert.Equal(["elsewhere", "outside.txt"], _folder.FileNames());
        Assert.True(File.Exists(outside) && File.Exists(Path.Combine(_folder.PathOf("elsewhere"), "kept")));
    }

    [Fact]
    public void A_stream_reads_back_what_was_gathered_and_gives_up_what_was_not_flushed()
    {
        string path = _folder.PathOf("s");
        byte[] large = new byte[200_000];
        new Random(1).NextBytes(large);
        using (DiskStream stream = new(path, FileMode.CreateNew))
        {
            stream.Write("head"u8);
            stream.Write(large);
            stream.WriteByte(7);
            Assert.Equal(200_005, stream.Length);
            stream.Position = 4;
            byte[] read = new byte[large.Length];
            stream.ReadExactly(read);
            Assert.Equal(large, read);
            stream.Seek(-1, SeekOrigin.End);
            Assert.Equal(7, stream.ReadByte());
            stream.SetLength(4);
            Assert.Equal(4, stream.Position);
            stream.FlushToDisk();
            stream.Write("given up"u8);
        }

        Assert.Equal("head", File.ReadAllText(path));
    }
}
