namespace AdaptFormer.Data.Images;

/// <summary>
/// How a picture's stored rows and columns lie when it is shown, by the numbers of EXIF (tag 274): what a viewer does to what is
/// stored. From <see cref="Transposed"/> on, width and height change places.
/// </summary>
public enum Orientation
{
    /// <summary>As stored.</summary>
    Normal = 1,

    /// <summary>Left and right change places.</summary>
    Mirrored = 2,

    /// <summary>Half a turn.</summary>
    UpsideDown = 3,

    /// <summary>Top and bottom change places.</summary>
    Flipped = 4,

    /// <summary>Rows become columns.</summary>
    Transposed = 5,

    /// <summary>A quarter turn to the right, clockwise: a phone held upright.</summary>
    QuarterRight = 6,

    /// <summary>Rows become columns, and then half a turn.</summary>
    Transversed = 7,

    /// <summary>A quarter turn to the left.</summary>
    QuarterLeft = 8,
}

/// <summary>What becomes of the orientation that a picture or a video carries; one rule for both.</summary>
public enum OrientationRule
{
    /// <summary>They are turned as their files say, as in every viewer.</summary>
    Apply,

    /// <summary>Their pixels are taken as they are stored, as Pillow and torchvision do.</summary>
    Ignore,
}
