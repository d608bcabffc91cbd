using AdaptFormer.Data.Images;

namespace AdaptFormer.Tests.Data;

/// <summary>A folder for one test's files, deleted at its end.</summary>
internal sealed class TempFolder : IDisposable
{
    public TempFolder() => Path = Directory.CreateTempSubdirectory("adaptformer-test-").FullName;

    public string Path { get; }

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    public string Write(string relative, byte[] content)
    {
        string path = this[relative];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public string Write(string relative, string content) => Write(relative, System.Text.Encoding.UTF8.GetBytes(content));

    /// <summary>A small PNG whose pixels all have the value <paramref name="gray"/>.</summary>
    public string WritePng(string relative, byte gray, int width = 5, int height = 4)
    {
        using ImageBuffer image = new(width, height);
        image.Pixels.Fill(gray);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[relative])!);
        PngWriter.Save(this[relative], image);
        return this[relative];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
