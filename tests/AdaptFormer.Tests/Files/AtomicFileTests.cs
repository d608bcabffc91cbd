using AdaptFormer.Files;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Writes_a_new_file_and_replaces_an_old_one_without_leaving_anything_else()
    {
        string path = _folder.PathOf("a.txt");
        AtomicFile.WriteAllText(path, "first ä");
        AtomicFile.WriteAllBytes(path, "second"u8.ToArray());
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Equal(["a.txt"], _folder.FileNames());
    }

    [Fact]
    public void A_failure_half_way_keeps_the_old_file_and_removes_the_temporary_one()
    {
        string path = _folder.Write("a.bin", "old"u8);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[200_000]);
            throw new InvalidOperationException("the caller gave up");
        }));
        Assert.Equal("the caller gave up", error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["a.bin"], _folder.FileNames());
    }

    [Fact]
    public void A_full_disk_is_reported_with_the_path_and_keeps_the_old_file()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no device that is always full");
        string path = _folder.Write("a.bin", "old"u8);
        IOException error = Assert.Throws<IOException>(() => AtomicFile.Write(path, _ =>
        {
            using FileStream full = new("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            full.Write(new byte[4096]);
        }));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("No space left", error.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["a.bin"], _folder.FileNames());
    }

    [Fact]
    public void A_missing_folder_is_reported_with_the_path()
    {
        string path = Path.Combine(_folder.PathOf("missing"), "a.txt");
        IOException error = Assert.Throws<IOException>(() => AtomicFile.WriteAllText(path, "x"));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_in_the_place_of_the_file_is_reported_and_nothing_is_left_behind()
    {
        string path = _folder.PathOf("taken");
        Directory.CreateDirectory(path);
        Exception error = Assert.ThrowsAny<Exception>(() => AtomicFile.WriteAllText(path, "x"));
        Assert.True(error is IOException or UnauthorizedAccessException);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Equal(["taken"], _folder.FileNames());
    }

    [Theory]
    [InlineData("kill")]
    [InlineData("full")]
    [InlineData("broken")]
    public void Every_call_may_fail_or_be_the_last_and_the_old_file_stays_until_the_new_one_is_on_the_disk(string how)
    {
        DiskFaultKind kind = how switch { "kill" => DiskFaultKind.Kill, "full" => DiskFaultKind.NoSpace, _ => DiskFaultKind.InputOutput };
        List<string> after = [];
        for (int at = 1; at <= 20; at++)
        {
            string path = _folder.Write("a.bin", "old"u8);
            DiskFault fault = DiskFault.Begin(kind, at);
            Exception? error;
            try { error = Record.Exception(() => AtomicFile.WriteAllText(path, "new")); }
            finally { DiskFault.End(); }
            if (!fault.Happened)
            {
                Assert.Null(error);
                break;
            }

            Assert.NotNull(error);      // a disk that could not store it is never taken for success
            if (kind != DiskFaultKind.Kill) Assert.Contains(path, error.Message, StringComparison.Ordinal);
            after.Add(File.ReadAllText(path));
            AtomicFile.WriteAllText(path, "again");
            Assert.Equal(["a.bin"], _folder.FileNames());
        }

        Assert.Equal(["old", "old", "old", "old", "new"], after);      // made, written, brought to the disk, renamed, the folder brought to the disk
    }

    [Fact]
    public void Temporary_files_of_killed_processes_go_and_those_that_are_written_stay()
    {
        string path = _folder.PathOf("a.bin"), digits = new('0', 32), other = $".b.bin.{digits}.tmp", mine = ".a.bin.notes.tmp";
        foreach (string name in (string[])[$".a.bin.{digits}.tmp", other, mine]) _folder.Write(name, "left"u8);
        AtomicFile.Write(path, stream =>
        {
            stream.Write("one"u8);
            AtomicFile.WriteAllText(path, "two");       // another writer of the same file
        });
        Assert.Equal("one", File.ReadAllText(path));
        Assert.Equal(new[] { mine, other, "a.bin" }.Order(StringComparer.Ordinal), _folder.FileNames().Order(StringComparer.Ordinal));
        AtomicFile.RemoveAbandoned(_folder.PathOf(""));
        Assert.Equal(new[] { mine, "a.bin" }.Order(StringComparer.Ordinal), _folder.FileNames().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Many_writers_of_one_file_leave_the_whole_content_of_one_of_them()
    {
        string path = _folder.PathOf("a.bin");
        Parallel.For(0, 4, writer =>
        {
            byte[] content = [.. Enumerable.Repeat((byte)writer, 20_000)];
            for (int i = 0; i < 100; i++) AtomicFile.WriteAllBytes(path, content);
        });
        byte[] last = File.ReadAllBytes(path);
        Assert.Equal((20_000, 1), (last.Length, last.Distinct().Count()));
        Assert.Equal(["a.bin"], _folder.FileNames());
    }

    [Fact]
    public void Permissions_and_links_of_the_old_file_are_kept()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix permissions");
            return;
        }

        string target = _folder.Write("target.txt", "old"u8);
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        File.SetUnixFileMode(target, Mode);
        string link = _folder.PathOf("link.txt");
        File.CreateSymbolicLink(link, "target.txt");

        AtomicFile.WriteAllText(link, "new");

        Assert.Equal("new", File.ReadAllText(target));
        Assert.Equal(Mode, File.GetUnixFileMode(target));
        Assert.NotNull(new FileInfo(link).LinkTarget);
    }
}
