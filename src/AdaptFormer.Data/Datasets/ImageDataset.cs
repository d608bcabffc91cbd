namespace AdaptFormer.Data;

/// <summary>Labelled pictures.</summary>
public abstract class ImageDataset : LabelledDataset
{
    /// <summary>Reads a picture.</summary>
    /// <param name="index">Picture, in [0, <see cref="LabelledDataset.Count"/>).</param>
    /// <param name="into">Receives size and pixels.</param>
    /// <exception cref="InvalidDataException">The file is damaged; the message names it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public abstract void Load(int index, ImageBuffer into);
}
