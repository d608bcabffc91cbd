namespace AdaptFormer.Tests.Support;

/// <summary>The repository that the tests were built in.</summary>
internal static class Repository
{
    /// <summary>Its root.</summary>
    public static string Folder
    {
        get
        {
            string folder = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(folder, "AdaptFormer.slnx")))
                folder = Path.GetDirectoryName(folder) ?? throw new IOException("The tests do not run inside the repository.");
            return folder;
        }
    }
}
